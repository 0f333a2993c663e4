// What an engine is taken to be when nothing but its address is said: the server as most people run it,
// with the one model it was started with. Whoever has another writes an engines file.

export const QUICK_START: Readonly<Record<string, (url: string) => unknown>> = {
  comfyui: (url) => ({ url }),
  koboldcpp: (url) => ({
    url,
    models: [{ id: 'koboldcpp', name: 'KoboldCPP', description: 'The text model it runs with.' }],
  }),
  whisper: (url) => ({
    url,
    models: [{ id: 'whisper', name: 'Whisper', vramBytes: 0 }],
  }),
  speech: (url) => ({
    url,
    flavour: 'kokoro',
    models: [{ id: 'kokoro', name: 'Kokoro', description: 'Reads a text aloud.', model: 'kokoro' }],
  }),
  sound: (url) => ({
    url,
    wire: { kind: 'ace-step' },
    models: [
      {
        id: 'ace-step',
        name: 'ACE-Step',
        description: 'Makes music, with or without singing.',
        model: 'acestep-v15-turbo',
        seconds: 30,
        secondsMin: 10,
        secondsMax: 240,
        sings: true,
        formats: ['mp3'],
      },
    ],
  }),
};
