import { describe, expect, it } from 'vitest';
import { requireNode } from './bootstrap.mjs';
import { hasDisplay } from './display.mjs';

describe('requireNode', () => {
  it.each(['20.19.0', '20.20.2', '22.0.0', '24.21.0'])('accepts %s', (version) => {
    expect(() => requireNode(version)).not.toThrow();
  });
  it.each(['18.20.4', '20.18.3', '16.0.0'])('refuses %s and names what is needed', (version) => {
    expect(() => requireNode(version)).toThrow(/20\.19/);
  });
});

describe('hasDisplay', () => {
  it('goes by the environment on Linux only', () => {
    expect(hasDisplay({ platform: 'linux', env: {} })).toBe(false);
    expect(hasDisplay({ platform: 'linux', env: { DISPLAY: ':0' } })).toBe(true);
    expect(hasDisplay({ platform: 'linux', env: { WAYLAND_DISPLAY: 'wayland-0' } })).toBe(true);
    expect(hasDisplay({ platform: 'win32', env: {} })).toBe(true);
  });
});
