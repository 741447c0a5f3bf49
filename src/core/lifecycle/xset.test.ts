import { describe, expect, it } from 'vitest';
import {
  isKeptLit,
  litArguments,
  parseXset,
  restoreArguments,
  type ScreenSettings,
  sleepArguments,
  wakeArguments,
} from './xset.ts';

const HEAD = `Keyboard Control:
  auto repeat:  on    key click percent:  0    LED mask:  00000000
Screen Saver:
  prefer blanking:  yes    allow exposures:  yes
  timeout:  600    cycle:  300
Colors:
  default colormap:  0x20    BlackPixel:  0x0    WhitePixel:  0xffffff
Font Path:
  /usr/share/fonts/X11/Type1,built-ins
DPMS (Energy Star):
`;
const WITHOUT = `${HEAD}  Server does not have the DPMS Extension\n`;
const WITH = `${HEAD}  Standby: 60    Suspend: 120    Off: 180\n  DPMS is Enabled\n  Monitor is On\n`;
const DISABLED = `${HEAD}  Standby: 0    Suspend: 0    Off: 0\n  DPMS is Disabled\n`;

const read = (text: string): ScreenSettings => parseXset(text) ?? expect.fail('not read');

describe('what xset prints', () => {
  it('is read, with and without power management', () => {
    expect(read(WITHOUT)).toEqual({ saverSeconds: 600, cycleSeconds: 300, blanking: true });
    expect(read(WITH)).toEqual({
      saverSeconds: 600,
      cycleSeconds: 300,
      blanking: true,
      power: { enabled: true, standby: 60, suspend: 120, off: 180 },
    });
    expect(read(DISABLED).power).toEqual({ enabled: false, standby: 0, suspend: 0, off: 0 });
    expect(read(`${HEAD}  Display is not capable of DPMS\n`).power).toBeUndefined();
  });

  it('is not guessed', () => {
    for (const text of ['', 'xset:  unable to open display ":9"', 'usage: xset', HEAD.replace('timeout', 'Zeit')]) {
      expect(parseXset(text)).toBeUndefined();
    }
  });
});

describe('what is said to xset', () => {
  it('keeps the screen on, and says nothing to a server that does so already', () => {
    expect(litArguments(read(WITH))).toEqual(['s', 'off', 's', 'noblank', '-dpms']);
    expect(litArguments(read(WITHOUT))).toEqual(['s', 'off', 's', 'noblank']);
    const kept = { saverSeconds: 0, cycleSeconds: 300, blanking: false };
    expect(litArguments(kept)).toEqual([]);
    expect(isKeptLit({ ...kept, power: { enabled: true, standby: 0, suspend: 0, off: 0 } })).toBe(false);
    expect(isKeptLit({ ...kept, power: { enabled: false, standby: 60, suspend: 60, off: 60 } })).toBe(true);
  });

  it('switches off where that can be done, and disables power management only after it switched on', () => {
    expect(sleepArguments(read(WITH))).toEqual(['+dpms', 'dpms', '60', '60', '60', 'dpms', 'force', 'off']);
    expect(sleepArguments(read(WITHOUT))).toEqual([]);
    expect(wakeArguments(read(WITH)).slice(-4)).toEqual(['dpms', 'force', 'on', '-dpms']);
    expect(wakeArguments(read(WITHOUT))).toEqual(['s', 'reset', 's', 'off', 's', 'noblank']);
  });

  it('brings back what was there', () => {
    expect(restoreArguments(read(WITH)).join(' ')).toBe('s 600 300 s blank dpms 60 120 180 +dpms');
    expect(restoreArguments(read(DISABLED)).join(' ')).toBe('s 600 300 s blank dpms 0 0 0 -dpms');
    expect(restoreArguments({ ...read(WITHOUT), blanking: false }).join(' ')).toBe('s 600 300 s noblank');
  });
});
