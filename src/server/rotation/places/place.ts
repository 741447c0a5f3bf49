/** The files of a set by path within a place, in the order in which a place that cannot switch at once writes them. */
export type PublishedFiles = ReadonlyMap<string, Uint8Array>;

/** Where clients take their keys from. */
export interface Place {
  /** For people, and for the journal of a rotation: `npm package @acme/auto-id-keys`. Another one for each place. */
  readonly name: string;
  /**
   * Makes the place hold exactly these files, whole at once for whoever reads it. May be repeated after a crash at any
   * moment, and does nothing where the place holds them. Rejects with PUBLISH_REFUSED where the place does not let us or
   * is set up wrongly, PUBLISH_FAILED for what may pass, or with what the Fetch port rejects with.
   */
  publish(files: PublishedFiles): Promise<void>;
  /** Whether it holds these files now, as clients see it. Rejects as `publish` does. */
  holds(files: PublishedFiles): Promise<boolean>;
}

/** Whether two contents are the same; no secret depends on how long it takes. */
export function sameContent(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}
