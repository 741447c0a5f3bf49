/** Local time of one time zone, turned into instants by plain arithmetic between the zone's changes of offset. */
import { Temporal } from 'temporal-polyfill';

const DAY_MS = 86_400_000;
/** No clock reads a time that is further from UTC than this. */
const FARTHEST_MS = 2 * DAY_MS;
/** Two a year: more than a lifetime of walls. */
const MOST_SPANS = 400;

export interface Zone {
  /**
   * The first instant (ms since the epoch) at which the zone's clocks read `readingMs` or later; a reading is given as
   * if it were UTC's, in ms. So a time that is left out is the instant of the jump, and one that comes twice is its
   * first.
   */
  readonly firstReading: (readingMs: number) => number;
}

/** Time between two changes of the zone's offset: instants from `from` up to, not including, `until`. */
interface Span {
  readonly from: number;
  readonly until: number;
  readonly offsetMs: number;
}

function spanAt(id: string, instant: number): Span {
  const at = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(id);
  const next = at.getTimeZoneTransition('next');
  // The change before a moment later may be this very moment's own.
  const last = at.add({ milliseconds: 1 }).getTimeZoneTransition('previous');
  return {
    from: last?.epochMilliseconds ?? -Infinity,
    until: next?.epochMilliseconds ?? Infinity,
    offsetMs: at.offsetNanoseconds / 1e6,
  };
}

function zoneOf(id: string): Zone {
  let spans: Span[] = [];
  const find = (instant: number): Span => {
    const known = spans.find(({ from, until }) => from <= instant && instant < until);
    if (known !== undefined) return known;
    const found = spanAt(id, instant);
    // The newest in front: time goes on.
    spans = [found, ...spans.slice(0, MOST_SPANS - 1)];
    return found;
  };
  return {
    firstReading: (readingMs) => {
      for (let span = find(readingMs - FARTHEST_MS); ; span = find(span.until)) {
        const instant = Math.max(span.from, readingMs - span.offsetMs);
        if (instant < span.until) return instant;
      }
    },
  };
}

const zones = new Map<string, Zone>();

/**
 * A time zone by its IANA name; undefined means the machine's own, as it was when first asked for. Throws a RangeError
 * for a name that is none.
 */
export function zone(name: string | undefined): Zone {
  const known = zones.get(name ?? '');
  if (known !== undefined) return known;
  const id = name ?? Temporal.Now.timeZoneId();
  // Throws here rather than at the first question.
  Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(id);
  const made = zoneOf(id);
  zones.set(name ?? '', made);
  return made;
}
