// A desktop's tray, as far as a program can tell: takes its icon, reads its menu, clicks in it.
import { connectBus } from './dbus.mjs';
import { waitUntil } from './process.mjs';

const WATCHER = 'org.kde.StatusNotifierWatcher';
const MENU = { path: '/com/canonical/dbusmenu', interface: 'com.canonical.dbusmenu' };
const ICON_WITHIN_MS = 30_000;

/**
 * Starts a tray on a session bus; do so before the program that shall show its icon there.
 *
 * @param {string} busAddress as a private display's `env.DBUS_SESSION_BUS_ADDRESS` holds it
 * @returns {Promise<{ labels: () => Promise<string[]>, click: (label: string) => Promise<void>, close: () => void }>}
 *   both wait for an icon to come; `click` throws when the menu has no such line
 */
export async function startTray(busAddress) {
  /** @type {string[]} */
  const icons = [];
  const bus = await connectBus(busAddress, ({ interface: target, member, values, sender }) => {
    if (target === WATCHER && member === 'RegisterStatusNotifierItem') {
      // Some give the name that they own, others the path of their icon.
      const [service] = /** @type {[string]} */ (values);
      icons.push(service.startsWith('/') ? (sender ?? '') : service);
      return { signature: '', values: [] };
    }
    if (member !== 'Get') return undefined;
    /** @type {Record<string, { type: string, value: unknown }>} */
    const properties = {
      IsStatusNotifierHostRegistered: { type: 'b', value: true },
      ProtocolVersion: { type: 'i', value: 0 },
      RegisteredStatusNotifierItems: { type: 'as', value: icons },
    };
    const property = properties[values[1]];
    return property && { signature: 'v', values: [property] };
  });
  await bus.own(WATCHER);

  /** @returns {Promise<{ to: string, lines: { id: number, label: string }[] }>} */
  const menu = async () => {
    const to = await waitUntil(() => icons.at(-1), { what: 'No tray icon came', timeoutMs: ICON_WITHIN_MS });
    const call = { to, ...MENU, member: 'GetLayout', signature: 'iias', values: [0, -1, []] };
    const [, [, , lines]] = await bus.call(call);
    return {
      to,
      lines: lines.map((/** @type {[number, [string, unknown][]]} */ [id, properties]) => {
        // An underscore marks the letter to press.
        const label = String(Object.fromEntries(properties)['label'] ?? '').replaceAll('_', '');
        return { id, label };
      }),
    };
  };
  return {
    labels: async () => (await menu()).lines.map(({ label }) => label),
    async click(label) {
      const { to, lines } = await menu();
      const line = lines.find((one) => one.label === label);
      if (!line)
        throw new Error(`The tray's menu has no "${label}", but ${lines.map((one) => `"${one.label}"`).join(', ')}`);
      const values = [line.id, 'clicked', { type: 'i', value: 0 }, 0];
      await bus.call({ to, ...MENU, member: 'Event', signature: 'isvu', values });
    },
    close: bus.close,
  };
}
