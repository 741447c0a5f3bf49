/** Which surface fills which display, and goes on filling it while displays come, go, move and change their numbers. */
import type { DisplayMatch } from '../plan/plan.ts';

/** A display as the system tells it; sizes and positions in device-independent pixels. */
export interface DisplayIdentity {
  /** Differs between versions of a system, and several displays may have the same. */
  readonly id: number;
  /** Maker and model; often empty, and the same for displays of one model. */
  readonly label: string;
  readonly width: number;
  readonly height: number;
  readonly x: number;
  readonly y: number;
  readonly primary: boolean;
}

export interface SurfaceOnDisplay {
  readonly name: string;
  readonly display: DisplayMatch;
}

export interface Placement {
  /** One of the displays given; undefined: its display is unplugged, or there is none left for it. */
  readonly display: DisplayIdentity | undefined;
  /** Where it belongs, oldest first: the display that it was given first, and what later passed for that display. */
  readonly homes: readonly DisplayIdentity[];
}

export interface DisplayAssignment {
  /** By the surface's name. */
  readonly placements: ReadonlyMap<string, Placement>;
  /** All displays that there were. */
  readonly displays: readonly DisplayIdentity[];
}

export const NO_ASSIGNMENT: DisplayAssignment = { placements: new Map(), displays: [] };

const MOST_HOMES = 4;

/**
 * Gives each surface a display, and no display to two.
 *
 * - A surface with conditions gets a display that fits all of them, before any surface without; one that wants the primary display follows
 *   it. The others take what is left: the primary display first, then left to right, top to bottom.
 * - A display that was there before is known again by its id, else by label and size, else by its bounds, and goes to the surface that
 *   had it. Where all displays are where they were and only ids differ, each surface stays where it is.
 * - A surface whose display is gone takes a free one that fits, until its own comes back. It never takes another surface's.
 * - The only surface of a wall, without conditions, is on the primary display.
 *
 * @param surfaces in the order of the settings
 * @param displays in any order
 * @param before what this function returned last
 */
export function matchDisplays(
  surfaces: readonly SurfaceOnDisplay[],
  displays: readonly DisplayIdentity[],
  before: DisplayAssignment = NO_ASSIGNMENT,
): DisplayAssignment {
  const wanted = surfaces.map((surface) =>
    surfaces.length === 1 && !hasConditions(surface.display) ? { ...surface, display: ALONE } : surface,
  );
  const round = new Round(wanted, displays, before);
  const [choosy, others] = partition(wanted, ({ display }) => hasConditions(display));
  round.stay(choosy);
  round.recognise(choosy);
  round.claim(
    choosy.filter((surface) => !round.isBereft(surface)),
    choosy,
  );
  round.stay(others);
  round.recognise(others);
  round.claim(choosy);
  round.claim(others);
  return { placements: round.placements(), displays };
}

const ALONE: DisplayMatch = { primary: true };

function hasConditions(match: DisplayMatch): boolean {
  return Object.values(match).some((value) => value !== undefined);
}

const sameBounds = (a: DisplayIdentity, b: DisplayIdentity) => a.x === b.x && a.y === b.y && sameSize(a, b);
const sameSize = (a: DisplayIdentity, b: DisplayIdentity) => a.width === b.width && a.height === b.height;
const isSame = (a: DisplayIdentity, b: DisplayIdentity) => a.id === b.id && a.label === b.label && sameBounds(a, b);

/** Whether it says of itself that it is the one that is known. */
const sameById = (known: DisplayIdentity, display: DisplayIdentity) =>
  known.id === display.id && (known.label === display.label || known.label === '' || display.label === '');

/** How surely a display is the one that is known; 0 is surest, undefined is not at all. */
function likeness(known: DisplayIdentity, display: DisplayIdentity, isIdUnique: boolean, isNew: boolean) {
  const sameLabel = known.label === display.label;
  if (isIdUnique && sameById(known, display)) return sameLabel && sameBounds(known, display) ? 0 : BY_ID;
  // One that was there beside it a moment ago is another one, however alike.
  if (!isNew) return undefined;
  if (sameLabel && known.label !== '' && sameSize(known, display)) return sameBounds(known, display) ? 2 : 3;
  return sameBounds(known, display) ? 4 : undefined;
}
const BY_ID = 1;
const LIKENESSES = 5;

/** One matching under way. */
class Round {
  readonly #before: DisplayAssignment;
  readonly #surfaces: readonly SurfaceOnDisplay[];
  /** In the order in which they are taken. */
  readonly #displays: readonly DisplayIdentity[];
  /** Those whose id no other one has or had. */
  readonly #unique: ReadonlySet<DisplayIdentity>;
  /** Those that were not there before. */
  readonly #new: ReadonlySet<DisplayIdentity>;
  /** Surface by display. */
  readonly #taken = new Map<DisplayIdentity, SurfaceOnDisplay>();
  /** Surfaces that are on what passes for a display of theirs, though it has another id. */
  readonly #settled = new Set<string>();

  constructor(surfaces: readonly SurfaceOnDisplay[], displays: readonly DisplayIdentity[], before: DisplayAssignment) {
    this.#before = before;
    this.#surfaces = surfaces;
    this.#displays = [...displays].sort(
      (a, b) =>
        Number(b.primary) - Number(a.primary) ||
        a.x - b.x ||
        a.y - b.y ||
        a.width - b.width ||
        a.height - b.height ||
        (a.label < b.label ? -1 : Number(a.label > b.label)) ||
        a.id - b.id,
    );
    const count = (list: readonly DisplayIdentity[], id: number) => list.filter((one) => one.id === id).length;
    const isUnique = (id: number) => count(displays, id) === 1 && count(before.displays, id) <= 1;
    this.#unique = new Set(displays.filter(({ id }) => isUnique(id)));
    const wasThere = (display: DisplayIdentity) =>
      this.#unique.has(display) && before.displays.some((one) => sameById(one, display));
    this.#new = new Set(displays.filter((display) => !wasThere(display)));
  }

  /** Where the picture of all displays is the one that there was, whatever their ids, surfaces stay where they are. */
  stay(surfaces: readonly SurfaceOnDisplay[]): void {
    const outline = (displays: readonly DisplayIdentity[]) =>
      displays.map(({ label, x, y, width, height }) => JSON.stringify([label, x, y, width, height])).sort();
    if (outline(this.#before.displays).join() !== outline(this.#displays).join()) return;
    const stays = (surface: SurfaceOnDisplay, isThere: (a: DisplayIdentity, b: DisplayIdentity) => boolean) => {
      const was = this.#before.placements.get(surface.name)?.display;
      if (was === undefined || this.#has(surface)) return;
      const display = this.#free(surface).find((one) => one.label === was.label && isThere(one, was));
      if (display === undefined) return;
      this.#taken.set(display, surface);
      if (this.#homes(surface).some((home) => isSame(home, was))) this.#settled.add(surface.name);
    };
    for (const surface of surfaces) stays(surface, isSame);
    for (const surface of surfaces) stays(surface, sameBounds);
  }

  /** Gives surfaces the displays that they know, the surest first: by their homes, then by where they were last. */
  recognise(surfaces: readonly SurfaceOnDisplay[]): void {
    const pairs = surfaces.flatMap((surface) => {
      const last = this.#before.placements.get(surface.name)?.display;
      const homes = this.#homes(surface);
      return this.#free(surface).flatMap((display) => [
        ...homes.map((home, age) => ({ ...this.#pair(surface, home, display), age, isHome: true })),
        ...(last ? [{ ...this.#pair(surface, last, display), age: 0, isHome: false }] : []),
      ]);
    });
    const order = ({ how = LIKENESSES, age, isHome }: (typeof pairs)[number]) =>
      (isHome ? 0 : 1000) + (how <= BY_ID ? age * 10 + how : how * 100 + age);
    // Sorting keeps the order of equals: that of the surfaces.
    for (const { surface, display, how, isHome } of pairs.sort((a, b) => order(a) - order(b))) {
      if (how === undefined || this.#taken.has(display) || this.#has(surface)) continue;
      this.#taken.set(display, surface);
      if (isHome) this.#settled.add(surface.name);
    }
  }

  /** Whether the surface had a display that is not there any more. */
  isBereft(surface: SurfaceOnDisplay): boolean {
    // One that wants the primary display belongs to none in particular.
    const homes = surface.display.primary === true ? [] : this.#homes(surface);
    const isHome = (one: DisplayIdentity) => homes.some((home) => this.#pair(surface, home, one).how !== undefined);
    return homes.length > 0 && !this.#displays.some(isHome);
  }

  /** Gives surfaces that have no display yet one that is left. Where that helps, the movable ones go to another display. */
  claim(
    surfaces: readonly SurfaceOnDisplay[],
    movable: readonly SurfaceOnDisplay[] = surfaces.filter((surface) => !this.#has(surface)),
  ): void {
    for (const surface of surfaces) if (!this.#has(surface)) this.#place(surface, movable, new Set());
  }

  placements(): ReadonlyMap<string, Placement> {
    const byName = new Map([...this.#taken].map(([display, { name }]) => [name, display]));
    return new Map(
      this.#surfaces.map((surface) => {
        const display = byName.get(surface.name);
        return [surface.name, { display, homes: this.#newHomes(surface, display) }];
      }),
    );
  }

  /** Augmenting paths (Kuhn's algorithm): as many surfaces as can be get a display. */
  #place(surface: SurfaceOnDisplay, movable: readonly SurfaceOnDisplay[], tried: Set<DisplayIdentity>): boolean {
    const take = (display: DisplayIdentity) => {
      this.#taken.set(display, surface);
      return true;
    };
    const [free] = this.#free(surface);
    if (free !== undefined) return take(free);
    for (const [display, holder] of [...this.#taken]) {
      if (tried.has(display) || !movable.includes(holder) || !this.#fits(surface, display)) continue;
      tried.add(display);
      if (this.#place(holder, movable, tried)) return take(display);
    }
    return false;
  }

  #newHomes(surface: SurfaceOnDisplay, display: DisplayIdentity | undefined): readonly DisplayIdentity[] {
    const homes = this.#homes(surface);
    if (display === undefined) return homes;
    if (homes.length === 0) return [display];
    if (!this.#settled.has(surface.name)) return homes;
    const index = homes.findIndex((home) => (this.#likeness(home, display) ?? LIKENESSES) <= BY_ID);
    if (index >= 0) return homes.with(index, display);
    const [first, ...later] = homes;
    return first === undefined ? [display] : [first, ...later.slice(2 - MOST_HOMES), display];
  }

  #homes(surface: SurfaceOnDisplay): readonly DisplayIdentity[] {
    return this.#before.placements.get(surface.name)?.homes ?? [];
  }

  #likeness(known: DisplayIdentity, display: DisplayIdentity): number | undefined {
    return likeness(known, display, this.#unique.has(display), this.#new.has(display));
  }

  /** How surely the display is the surface's own; by its looks only where no other surface knows it by its id. */
  #pair(surface: SurfaceOnDisplay, known: DisplayIdentity, display: DisplayIdentity) {
    const how = this.#likeness(known, display);
    const isSure = how === undefined || how <= BY_ID;
    const isForeign =
      !isSure &&
      this.#surfaces.some(
        (other) =>
          other !== surface &&
          this.#homes(other).some((home) => (this.#likeness(home, display) ?? LIKENESSES) <= BY_ID),
      );
    return { surface, display, how: isForeign ? undefined : how };
  }

  #has(surface: SurfaceOnDisplay): boolean {
    return [...this.#taken.values()].includes(surface);
  }

  #free(surface: SurfaceOnDisplay): readonly DisplayIdentity[] {
    return this.#displays.filter((display) => !this.#taken.has(display) && this.#fits(surface, display));
  }

  #fits({ display: match }: SurfaceOnDisplay, display: DisplayIdentity): boolean {
    // One of them is the primary display, whatever they say of themselves: the first.
    if (match.primary !== undefined && match.primary !== (display === this.#displays[0])) return false;
    const keys = ['id', 'label', 'width', 'height', 'x', 'y'] as const;
    return keys.every((key) => match[key] === undefined || match[key] === display[key]);
  }
}

function partition<T>(all: readonly T[], belongs: (one: T) => boolean): readonly [T[], T[]] {
  return [all.filter(belongs), all.filter((one) => !belongs(one))];
}
