import { AppError } from '../core/errors.ts';

/**
 * A server's address as a person gave it. Throws SETTINGS_INVALID unless it is an http(s) address without user, query or
 * fragment.
 */
export function parseEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isPlain =
    url !== undefined &&
    (url.protocol === 'https:' || url.protocol === 'http:') &&
    `${url.username}${url.password}` === '' &&
    !/[?#]/.test(endpoint);
  if (isPlain) return url;
  throw new AppError(
    'SETTINGS_INVALID',
    'The auto-id endpoint must be an https address without user, query or fragment, for example https://api.example.com.',
  );
}
