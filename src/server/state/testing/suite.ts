import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StateStore } from '../state-store.ts';

/** What every state must do, whatever keeps it. `open` gives an empty one. */
export function stateStoreSuite(name: string, open: () => Promise<StateStore>): void {
  describe(`the state in ${name}`, () => {
    let state: StateStore;
    beforeAll(async () => {
      state = await open();
    });
    afterAll(() => state.close());

    it('gives back what was written, and nothing where nothing was', async () => {
      const value = { text: 'ü\u0000"\\\u2028😀', list: [1, -0.5, true, null, { deep: {} }], empty: '' };
      expect(await state.get('device', 'a')).toBeUndefined();
      expect(await state.put('device', 'a', value, 0)).toBe(true);
      expect(await state.get('device', 'a')).toEqual({ key: 'a', value, version: 1 });
      expect(await state.get('invite', 'a')).toBeUndefined();
      expect(await state.get('device', 'A')).toBeUndefined();
    });

    it('writes only on the version that was seen', async () => {
      expect(await state.put('device', 'b', 1, 1)).toBe(false);
      expect(await state.put('device', 'b', 1, 0)).toBe(true);
      expect(await state.put('device', 'b', 2, 0)).toBe(false);
      expect(await state.put('device', 'b', 2, 2)).toBe(false);
      expect(await state.get('device', 'b')).toEqual({ key: 'b', value: 1, version: 1 });
      expect(await state.put('device', 'b', 2, 1)).toBe(true);
      expect(await state.put('device', 'b', 3, 1)).toBe(false);
      expect(await state.get('device', 'b')).toEqual({ key: 'b', value: 2, version: 2 });
    });

    it('removes only the version that was seen, and begins anew after', async () => {
      expect(await state.remove('meta', 'c', 1)).toBe(false);
      await state.put('meta', 'c', 'first', 0);
      expect(await state.remove('meta', 'c', 2)).toBe(false);
      expect(await state.remove('meta', 'c', 1)).toBe(true);
      expect(await state.get('meta', 'c')).toBeUndefined();
      expect(await state.put('meta', 'c', 'second', 1)).toBe(false);
      expect(await state.put('meta', 'c', 'second', 0)).toBe(true);
    });

    it('lists a table by key, in pages', async () => {
      for (const key of ['x/10', 'x/2', 'x', 'y', 'x/1', 'X', 'ä']) await state.put('audit', key, key, 0);
      await state.put('grant', 'x/1', 'another table', 0);
      const keys = async (limit: number, after?: string) =>
        (await state.list('audit', limit, after)).map((item) => item.key);
      expect(await keys(100)).toEqual(['X', 'x', 'x/1', 'x/10', 'x/2', 'y', 'ä']);
      expect(await keys(2)).toEqual(['X', 'x']);
      expect(await keys(2, 'x')).toEqual(['x/1', 'x/10']);
      expect(await keys(10, 'x/')).toEqual(['x/1', 'x/10', 'x/2', 'y', 'ä']);
      expect(await keys(10, 'ä')).toEqual([]);
    });

    it('lets one of 1000 writes at once win, and the others know', async () => {
      const first = await Promise.all(Array.from({ length: 1000 }, (_, i) => state.put('nonce', 'n', i, 0)));
      expect(first.filter(Boolean)).toHaveLength(1);
      const second = await Promise.all(Array.from({ length: 1000 }, (_, i) => state.put('nonce', 'n', -i, 1)));
      expect(second.filter(Boolean)).toHaveLength(1);
      expect(await state.get('nonce', 'n')).toEqual({ key: 'n', value: -second.indexOf(true) || 0, version: 2 });
    });

    it('loses no write of many at once to many documents', async () => {
      const add = async (key: string): Promise<void> => {
        for (;;) {
          const item = await state.get('meta', key);
          const count = typeof item?.value === 'number' ? item.value : 0;
          if (await state.put('meta', key, count + 1, item?.version ?? 0)) return;
        }
      };
      await Promise.all(Array.from({ length: 60 }, (_, i) => add(`counter-${i % 6}`)));
      for (let i = 0; i < 6; i++) expect((await state.get('meta', `counter-${i}`))?.value).toBe(10);
    });

    it('keeps a document until it ends', async () => {
      await state.put('invite', 'kept', 1, 0, { expiresAt: Date.now() + 3_600_000 });
      expect((await state.get('invite', 'kept'))?.value).toBe(1);
    });
  });
}
