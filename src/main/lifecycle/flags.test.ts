import { describe, expect, it } from 'vitest';
import { readFlags } from './flags.ts';

describe('the flags of the wall', () => {
  it('are a settings layer that names each flag', () => {
    expect(readFlags(['--windowed', '--no-tray']).layer).toMatchObject({
      layer: 'flags',
      values: { wall: { windowed: true, tray: false } },
      origins: { 'wall.windowed': '--windowed', 'wall.tray': '--no-tray' },
    });
    expect(readFlags([]).layer.values).toEqual({});
  });

  it('take the settings file in both spellings, and a missing name as an empty one', () => {
    expect(readFlags(['--config', 'a.yml']).configFile).toBe('a.yml');
    expect(readFlags(['--config=a.yml']).configFile).toBe('a.yml');
    expect(readFlags(['--config']).configFile).toBe('');
    expect(readFlags([])).not.toHaveProperty('configFile');
  });

  it("let Chromium's own switches pass", () => {
    const flags = readFlags(['--no-sandbox', '--user-data-dir=/x', '--config', 'a.yml', '--lang=de', 'stray']);
    expect(flags.configFile).toBe('a.yml');
    expect(flags.help).toBe(false);
  });
});
