import type { Cookie, Session } from 'electron';

// The console replaces its cookies now and then: the old one goes, and the new one comes right after it.
const REPLACED_WITHIN_MS = 1_000;

/**
 * Watches whether the cookies that a signed-in page lives on are still there. Their names are AWS's own and not documented, so those are
 * remembered that the page's address is sent now and scripts may not read: a session that ends takes all of them away, while others
 * come and go. Where there are none, nothing is watched.
 * @param url the signed-in page's
 * @param onGone called once when none of them is left, not even replaced; then the watch has ended
 * @returns ends the watch
 */
export function watchSessionCookies(session: Session, url: string, onGone: () => void): () => void {
  let known = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  const end = () => {
    ended = true;
    clearTimeout(timer);
    session.cookies.off('changed', changed);
  };
  const present = async () =>
    new Set((await session.cookies.get({ url })).filter(({ httpOnly }) => httpOnly === true).map(keyOf));
  const look = async () => {
    timer = undefined;
    try {
      const left = await present();
      if (ended || [...known].some((key) => left.has(key))) return;
      end();
      onGone();
    } catch {
      // The network service is starting anew; that it ended is told by others.
    }
  };
  const changed = (_event: unknown, cookie: Cookie, _cause: string, removed: boolean) => {
    if (removed && timer === undefined && known.has(keyOf(cookie)))
      timer = setTimeout(() => void look(), REPLACED_WITHIN_MS);
  };
  session.cookies.on('changed', changed);
  present().then(
    (now) => {
      known = now;
    },
    () => undefined,
  );
  return end;
}

function keyOf({ name, domain, path }: Cookie): string {
  return `${name};${domain ?? ''};${path ?? ''}`;
}
