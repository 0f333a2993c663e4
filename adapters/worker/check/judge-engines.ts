// What the engines lack: an answer, the right server behind it, models and nodes, a closed door.
import type { KindName } from '../config/engine-kinds.ts';
import type { EngineFacts, Facts, Finding } from './facts.ts';

/** Servers that cannot be what they are configured as. KoboldCPP answers for many, and is the rest of them. */
const NEVER: Readonly<Partial<Record<KindName, readonly string[]>>> = {
  comfyui: ['KoboldCPP', 'whisper.cpp'],
  koboldcpp: ['ComfyUI', 'whisper.cpp'],
  whisper: ['ComfyUI'],
  speech: ['ComfyUI', 'whisper.cpp'],
  sound: ['KoboldCPP', 'whisper.cpp'],
};

export function judgeEngines({ engines, file }: Facts): Finding[] {
  const wrong = file.sentences.map((sentence): Finding => ({
    level: 'missing',
    about: 'engines file',
    sentence,
  }));
  return [...wrong, ...engines.flatMap(judgeEngine)];
}

function judgeEngine(engine: EngineFacts): Finding[] {
  const { name, url } = engine;
  const say = (level: Finding['level'], sentence: string): Finding => ({
    level,
    about: `engine ${name}`,
    sentence,
  });
  if (url === null) return [say('fine', `${name} needs no server.`)];
  if (engine.missingProgram !== null) {
    return [
      say(
        'missing',
        `There is no program ${engine.missingProgram}. Correct start.command of ${name}.`,
      ),
    ];
  }
  if (!engine.isListening) {
    return [
      engine.start === null
        ? say(
            'missing',
            `Nothing answers at ${url}. Start the server of ${name}, or correct its address.`,
          )
        : say(
            'fine',
            `${name} is started by the worker; nothing runs at ${url} now, so it was not asked.`,
          ),
    ];
  }
  if (engine.seen !== null && NEVER[engine.kind]?.includes(engine.seen)) {
    return [
      say(
        'missing',
        `At ${url} answers ${engine.seen}, which cannot be ${name} (${engine.kind}). Correct the address.`,
      ),
    ];
  }
  const found: Finding[] = [];
  if (engine.problem !== null) {
    found.push(say('missing', `${name} at ${url} cannot serve: ${withStop(engine.problem)}`));
  }
  found.push(...engine.lacks.map((lack) => say('missing', `${name} lacks: ${withStop(lack)}`)));
  if (found.length === 0) found.push(say('fine', `${name} answers at ${url}.`));
  if (engine.isOpen === true) {
    found.push(
      say(
        'warning',
        `${name} listens on all interfaces: whoever reaches this machine can use it. Start it with ` +
          '127.0.0.1 as its address, or close the port in the firewall.',
      ),
    );
  }
  if (engine.isRemote) {
    found.push(
      say(
        'warning',
        `${name} is on another machine: what people write goes there, and engines have no lock.`,
      ),
    );
  }
  return found;
}

const withStop = (sentence: string): string => sentence.trim().replace(/\.?$/, '.');
