/** Longest destination, in characters: what protocol 2 carries. */
const LONGEST_DESTINATION = 2048;
/** Printable ASCII but for `\`, which addresses are rewritten for. Addresses of the console do hold `*`. */
const CHARACTERS = /^[!-[\]-~]*$/;
/** What no address is: a word, or a word with a colon and a rest. */
const LABEL = /^[a-z][a-z0-9-]{0,31}(:.*)?$/;

/**
 * A destination in its one spelling, or undefined for what is none: '' for none, an address (`https:`; `http:` too, and
 * whoever opens it decides), or a word with or without `:` and a rest, such as `alarms:eu-west-1?prefix=web-`.
 *
 * An address is spelled as browsers resolve it (WHATWG URL), so that a rule's beginning and the place that is opened are
 * the same; one with a login, or with `..` as a segment anywhere after the host however it is encoded, is none.
 */
export function canonicalDestination(text: string): string | undefined {
  if (text === '') return '';
  if (text.length > LONGEST_DESTINATION || !CHARACTERS.test(text)) return undefined;
  if (!/^https?:/i.test(text)) return LABEL.test(text) ? text : undefined;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.hostname === '') return undefined;
  const { href } = url;
  if (href.length > LONGEST_DESTINATION || !CHARACTERS.test(href) || climbs(href)) return undefined;
  return href;
}

/** Whether a part of an address could lead upwards for somebody who decodes it, once or twice. */
function climbs(href: string): boolean {
  let text = href;
  for (let times = 0; times < 3; times++) {
    if (text.split(/[/?#&=\\]/).some((part) => part === '..' || part === '.')) return true;
    text = text.replace(/%2e/gi, '.').replace(/%2f/gi, '/').replace(/%5c/gi, '\\').replace(/%25/g, '%');
  }
  return false;
}
