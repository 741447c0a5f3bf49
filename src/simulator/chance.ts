/** Seeded randomness: the same seed and stream give the same numbers for ever, whatever other streams drew. */
export class Chance {
  #state: number;

  /** @param stream who draws, so that one part's draws do not shift another's */
  constructor(seed: number, stream: string) {
    let hash = 2166136261;
    for (const character of `${seed}/${stream}`) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619);
    this.#state = hash >>> 0;
  }

  /** Uniform in [0, 1). A Weyl sequence through a 32-bit finaliser. */
  fraction(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) / 4294967296;
  }

  /** Uniform in [from, to). */
  between(from: number, to: number): number {
    return from + (to - from) * this.fraction();
  }

  /** In [from, to), each order of magnitude equally likely. */
  ofAnyMagnitude(from: number, to: number): number {
    return from * (to / from) ** this.fraction();
  }

  happens(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(first: T, ...others: readonly T[]): T {
    const at = Math.floor(this.fraction() * (others.length + 1));
    return at === 0 ? first : (others[at - 1] ?? first);
  }
}
