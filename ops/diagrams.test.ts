// The diagrams in machines/README.md show the charts as they are, and the generator draws what it should.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { and, createMachine, not, or, setup } from 'xstate';
import { diagramOf, README, withDiagrams } from './diagrams.ts';

describe('machines/README.md', () => {
  it('shows the charts as they are: else run `node ops/diagrams.ts`', () => {
    const text = readFileSync(README, 'utf8');
    expect(text).toBe(withDiagrams(text));
  });
});

const lines = (...text: string[]) => text.join('\n');
const pass = () => true;

describe('a diagram', () => {
  it('draws events, guards, delays and ends', () => {
    const lamp = setup({
      guards: { isDark: pass, isHot: pass, isOld: pass },
      delays: { rest: 1000 },
      actions: { count: () => {} },
    }).createMachine({
      id: 'lamp',
      initial: 'off',
      states: {
        off: {
          on: { switched: { guard: 'isDark', target: 'on' }, touched: { actions: 'count' } },
        },
        on: {
          after: { rest: 'off' },
          always: { guard: and(['isHot', not('isDark')]), target: 'broken' },
          on: {
            switched: 'off',
            dropped: { guard: or(['isOld', 'isHot']), target: 'broken' },
            touched: {},
          },
        },
        broken: { type: 'final' },
      },
    });
    expect(diagramOf(lamp)).toBe(
      lines(
        '```mermaid',
        'stateDiagram-v2',
        '  state "off" as off',
        '  state "on" as on',
        '  state "broken" as broken',
        '  [*] --> off',
        '  off --> on: switched [isDark]',
        '  on --> off: switched, after rest',
        '  on --> broken: dropped [isOld or isHot]<br/>[isHot and not isDark]',
        '  broken --> [*]',
        '```',
        '',
        '| stays in | on | if | does |',
        '|---|---|---|---|',
        '| `off` | `touched` |  | `count` |',
        '| `on` | `touched` |  | nothing |',
      ),
    );
  });

  it('draws a box for what is nested, and leaves from inside it', () => {
    const door = createMachine({
      id: 'door',
      initial: 'open',
      on: { burnt: '.gone' },
      states: {
        open: { on: { pushed: 'shut.locked' } },
        shut: {
          initial: 'ajar',
          on: { kicked: 'open', slammed: '.locked' },
          states: { ajar: { always: 'locked' }, locked: { on: { turned: '#door.open' } } },
        },
        gone: {},
      },
    });
    expect(diagramOf(door)).toBe(
      lines(
        '```mermaid',
        'stateDiagram-v2',
        '  state "open" as open',
        '  state "shut" as shut {',
        '    state "ajar" as shut_ajar',
        '    state "locked" as shut_locked',
        '    [*] --> shut_ajar',
        '    state "in any state" as shut_any',
        '    shut_any --> shut_locked: slammed',
        '    shut_ajar --> shut_locked: at once',
        '  }',
        '  state "gone" as gone',
        '  [*] --> open',
        '  state "in any state" as door_any',
        '  door_any --> gone: burnt',
        '  open --> shut_locked: pushed',
        '  shut --> open: kicked',
        '  shut_locked --> open: turned',
        '```',
      ),
    );
  });

  it('draws regions side by side', () => {
    const radio = createMachine({
      id: 'radio',
      type: 'parallel',
      states: {
        power: { initial: 'off', states: { off: {}, on: {} } },
        band: { initial: 'fm', states: { fm: { on: { tuned: 'am' } }, am: {} } },
      },
    });
    expect(diagramOf(radio)).toBe(
      lines(
        '```mermaid',
        'stateDiagram-v2',
        '  state "radio" as radio {',
        '    state "power" as power {',
        '      state "off" as power_off',
        '      state "on" as power_on',
        '      [*] --> power_off',
        '    }',
        '    --',
        '    state "band" as band {',
        '      state "fm" as band_fm',
        '      state "am" as band_am',
        '      [*] --> band_fm',
        '      band_fm --> band_am: tuned',
        '    }',
        '  }',
        '```',
      ),
    );
  });

  it('asks for a name where a guard has none', () => {
    const nameless = createMachine({ on: { asked: { guard: pass, target: '#end' } }, id: 'end' });
    expect(() => diagramOf(nameless)).toThrow('A guard in a chart needs a name');
  });
});

describe('the markers', () => {
  const lamp = createMachine({ id: 'lamp', initial: 'off', states: { off: {} } });
  const text = (middle: string) =>
    `before\n<!-- diagram of lamp -->${middle}<!-- end of lamp -->\nafter\n`;

  it('keep what is around them, however often it is drawn', () => {
    const once = withDiagrams(text('old'), [lamp]);
    expect(once).toBe(text(`\n\n${diagramOf(lamp)}\n\n`));
    expect(withDiagrams(once, [lamp])).toBe(once);
  });

  it('are asked for when they are missing', () => {
    expect(() => withDiagrams('no markers', [lamp])).toThrow(
      'The text needs the lines "<!-- diagram of lamp -->" and "<!-- end of lamp -->".',
    );
  });
});
