import type { Logger } from '../../core/ports.ts';
import type { Session } from '../../core/session/state.ts';

const iso = (wallMs: number) => new Date(wallMs).toISOString();

/** Logs what changed between two states of a session: `session.signing-in`, `live`, `renewing`, `renewal-failed`, `waiting`. */
export function logTransition(logger: Logger, session: string, before: Session, after: Session): void {
  const { phase } = after;
  if (phase === before.phase) return;
  switch (phase.kind) {
    case 'idle':
      logger.log('info', 'session.idle', { session });
      return;
    case 'signing-in':
    case 'renewing':
      if (phase.kind !== before.phase.kind)
        logger.log('info', `session.${phase.kind}`, { session, attempt: phase.attempt.id });
      return;
    case 'waiting': {
      const { code, sentence: reason } = phase.reason;
      const nextTryAt = iso(phase.nextTry.until.wall);
      logger.log('warn', 'session.waiting', { session, code, reason, failures: phase.failures, nextTryAt });
      return;
    }
    case 'live': {
      const { failed } = phase.renewal;
      if (before.phase.kind === 'renewing' && failed !== undefined) {
        const { code, sentence: reason } = failed.reason;
        const nextTryAt = iso(failed.nextTry.until.wall);
        logger.log('warn', 'session.renewal-failed', { session, code, reason, failures: failed.failures, nextTryAt });
      } else if (before.phase.kind !== 'live') {
        const { partition, verified, endsAt } = phase.live;
        logger.log('info', 'session.live', {
          session,
          attempt: after.attempts,
          partition,
          verified,
          endsAt: iso(endsAt.wall),
          renewsAt: iso(phase.renewal.at.wall),
        });
      }
    }
  }
}
