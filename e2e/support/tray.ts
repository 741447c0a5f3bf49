import { Message, type MessageBus, Variant, sessionBus } from '@jellybrick/dbus-next';
import { waitUntil } from '../../scripts/lib/process.mjs';

const WATCHER = 'org.kde.StatusNotifierWatcher';
const WATCHER_PATH = '/StatusNotifierWatcher';
const MENU = 'com.canonical.dbusmenu';
const MENU_PATH = '/com/canonical/dbusmenu';

/** A node of com.canonical.dbusmenu: id, properties, children. */
type MenuNode = readonly [number, Readonly<Record<string, Variant>>, readonly Variant<MenuNode>[]];

/**
 * The desktop's side of tray icons, on a session bus: plays the watcher that icons register with, and reads and clicks
 * their menus as a panel would (Freedesktop, "StatusNotifierItem"; the interface com.canonical.dbusmenu).
 */
export class TrayHost {
  readonly #bus: MessageBus;
  #owners: string[] = [];

  private constructor(bus: MessageBus) {
    this.#bus = bus;
  }

  /** @param address of the session bus */
  static async start(address: string): Promise<TrayHost> {
    const bus = sessionBus({ busAddress: address });
    const host = new TrayHost(bus);
    bus.addMethodHandler((message: Message) => host.#answer(message));
    await bus.requestName(WATCHER, 0);
    return host;
  }

  stop(): void {
    this.#bus.disconnect();
  }

  /** Forgets the icons of walls that have ended. */
  forget(): void {
    this.#owners = [];
  }

  /** Whether an icon has been registered since `forget`. */
  get hasIcon(): boolean {
    return this.#owners.length > 0;
  }

  /** The labels of the newest icon's menu, top to bottom; a separator is empty. Waits for an icon with a menu. */
  async labels(): Promise<readonly string[]> {
    return (await this.#menu()).map(({ label }) => label);
  }

  /** The first line, which says how the session stands. */
  async status(): Promise<string> {
    return (await this.labels())[0] ?? '';
  }

  /** The text that a pointer over the icon shows. */
  async toolTip(): Promise<string> {
    const body = await this.#call('/StatusNotifierItem', 'org.freedesktop.DBus.Properties', 'Get', 'ss', [
      'org.kde.StatusNotifierItem',
      'ToolTip',
    ]);
    const [, , title] = (body[0] as Variant<readonly [string, unknown, string, string]>).value;
    return title;
  }

  /**
   * Clicks a line of the menu. The wall makes its menu anew on each change, and a click on a line of the old one is lost,
   * so it is clicked again until `done`.
   */
  async click(label: string, done: () => boolean): Promise<void> {
    const clickOnce = async () => {
      if (done()) return true;
      const line = (await this.#menu()).find((one) => one.label === label);
      if (line === undefined) throw new Error(`The tray's menu has no line ${label}.`);
      await this.#call(MENU_PATH, MENU, 'Event', 'isvu', [line.id, 'clicked', new Variant('s', ''), 0]).catch(
        (error: unknown) => {
          if (!done()) throw error;
        },
      );
      return false;
    };
    await waitUntil(clickOnce, {
      what: `"${label}" in the tray's menu had no effect`,
      timeoutMs: 30_000,
      everyMs: 400,
    });
  }

  async #menu(): Promise<readonly { readonly id: number; readonly label: string }[]> {
    const look = async () => {
      if (!this.hasIcon) return undefined;
      const body = await this.#call(MENU_PATH, MENU, 'GetLayout', 'iias', [0, -1, []]).catch(() => []);
      const root = body[1] as MenuNode | undefined;
      const lines = root?.[2].map(({ value: [id, properties] }) => ({
        id,
        // A lone underscore marks the key of a line, a doubled one stands for itself.
        label: ((properties['label'] as Variant<string> | undefined)?.value ?? '').replace(/_(_?)/g, '$1'),
      }));
      return lines !== undefined && lines.length > 0 ? lines : undefined;
    };
    return waitUntil(look, { what: 'There was no tray icon with a menu', timeoutMs: 30_000 });
  }

  async #call(path: string, iface: string, member: string, signature: string, body: unknown[]): Promise<unknown[]> {
    const destination = this.#owners.at(-1);
    if (destination === undefined) throw new Error('There is no tray icon.');
    const answer = await this.#bus.call(new Message({ destination, path, interface: iface, member, signature, body }));
    return answer?.body ?? [];
  }

  #answer(message: Message): boolean {
    if (message.path !== WATCHER_PATH) return false;
    if (message.member === 'RegisterStatusNotifierItem') {
      this.#owners.push(message.sender);
      this.#bus.send(Message.newMethodReturn(message, '', []));
      return true;
    }
    if (message.member === 'Get') {
      const value = message.body[1] === 'IsStatusNotifierHostRegistered' ? new Variant('b', true) : new Variant('i', 0);
      this.#bus.send(Message.newMethodReturn(message, 'v', [value]));
      return true;
    }
    return false;
  }
}
