// A desktop's tray, as far as a program can tell: takes its icon, reads its menu, clicks in it (Freedesktop's
// StatusNotifierItem, and the interface com.canonical.dbusmenu).
import { waitUntil } from './process.mjs';

const WATCHER = 'org.kde.StatusNotifierWatcher';
const MENU = { path: '/com/canonical/dbusmenu', interface: 'com.canonical.dbusmenu' };
const MENU_WITHIN_MS = 30_000;

/**
 * Starts a tray on a session bus; do so before the program that shall show its icon there.
 *
 * @param {string} busAddress as a private display's `env.DBUS_SESSION_BUS_ADDRESS` holds it
 * @returns {Promise<{ click: (label: string) => Promise<void>, close: () => void }>} `click` waits for an icon with a
 *   menu, and throws when the menu has no such line; a click in the moment that the program makes its menu anew is lost
 */
export async function startTray(busAddress) {
  const { Message, Variant, sessionBus } = await import('@jellybrick/dbus-next');
  const bus = sessionBus({ busAddress });
  /** @type {string[]} */
  const icons = [];
  bus.addMethodHandler((/** @type {any} */ message) => {
    if (message.interface === WATCHER && message.member === 'RegisterStatusNotifierItem') {
      icons.push(message.sender);
      bus.send(Message.newMethodReturn(message, '', []));
    } else if (message.member === 'Get' && message.body[1] === 'IsStatusNotifierHostRegistered') {
      bus.send(Message.newMethodReturn(message, 'v', [new Variant('b', true)]));
    } else return false;
    return true;
  });
  await bus.requestName(WATCHER, 0);

  const ask = (/** @type {string} */ member, /** @type {string} */ signature, /** @type {unknown[]} */ body) =>
    bus.call(new Message({ destination: icons.at(-1), ...MENU, member, signature, body }));
  const readMenu = async () => {
    if (icons.length === 0) return undefined;
    const answer = await ask('GetLayout', 'iias', [0, -1, []]).catch(() => undefined);
    /** @type {{ value: [number, Record<string, { value: string }>] }[]} */
    const lines = answer?.body[1]?.[2] ?? [];
    return lines.length > 0 && lines.map(({ value: [id, { label }] }) => ({ id, label: label?.value ?? '' }));
  };
  return {
    async click(label) {
      const lines = await waitUntil(readMenu, { what: 'No tray icon with a menu came', timeoutMs: MENU_WITHIN_MS });
      const line = lines.find((one) => one.label === label);
      if (!line) throw new Error(`The tray's menu has no "${label}"`);
      await ask('Event', 'isvu', [line.id, 'clicked', new Variant('i', 0), 0]);
    },
    close: () => bus.disconnect(),
  };
}
