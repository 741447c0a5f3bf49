/** `vigil login-url`: exactly the URL that opens the dashboard signed in. */
import { signInFromSettings } from '../../aws/from-settings.ts';
import { createPorts, settingsFor } from '../context.ts';
import { flagLayer } from '../flags.ts';

/** Runs the command; resolves with what goes to stdout. Throws what settings, keys, server, AWS and network throw. */
export async function loginUrl(options: Readonly<Record<string, unknown>>): Promise<string> {
  const text = (name: string) => (typeof options[name] === 'string' ? options[name] : undefined);
  const session = text('role');
  const dashboard = text('dashboard');
  const target = { ...(session === undefined ? {} : { session }), ...(dashboard === undefined ? {} : { dashboard }) };
  const settings = await settingsFor('login-url', flagLayer(options, 'sign-in'), text('config'), target);
  const signIn = await signInFromSettings(settings, await createPorts(settings), target);
  return `${(await signIn.run()).loginUrl}\n`;
}
