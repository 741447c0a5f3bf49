import type { Instant } from '../core/renewal/deadline.ts';
import type { Timeline } from './timeline.ts';

/** A console session as the console knows it; what the wall believes of it is the wall's business. */
export interface Ticket {
  /** The machine's clocks when it was asked for. */
  readonly askedAt: Instant;
  readonly lifeMs: number;
  /** True time at which it ends; earlier once it is revoked. */
  endsAt: number;
  /** A page has told the wall that it is over. */
  wasTold: boolean;
}

export function isOver(ticket: Ticket, timeline: Timeline): boolean {
  return timeline.now >= ticket.endsAt;
}

/** Whether the machine can know that the session is over: a page said so, or one of its clocks shows that its life has passed. */
export function canBeKnownOver({ askedAt, lifeMs, wasTold }: Ticket, timeline: Timeline): boolean {
  return wasTold || timeline.wall() - askedAt.wall >= lifeMs || timeline.monotonic() - askedAt.monotonic >= lifeMs;
}
