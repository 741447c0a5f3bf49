import { AppError } from '../../core/errors.ts';
import { readAnchors } from '../../server/audit/anchors.ts';
import { linesOf, verifyStream, type Anchor, type AuditLine } from '../../server/audit/chain.ts';
import { readStream, readStreams } from '../../server/audit/state-audit.ts';
import { openServerHome } from '../server-home.ts';

type Options = Readonly<Record<string, unknown>>;

interface Outcome {
  readonly text: string;
  readonly exitCode: number;
}

/**
 * Checks every stream of the audit log, against the anchors of `--anchors FILE` where given. Exit code 1 when something
 * was changed, removed or cut off; the text says what and where. Rejects with USAGE or STATE_*.
 */
export async function auditVerify(options: Options): Promise<Outcome> {
  const file = options['anchors'];
  const anchors: readonly Anchor[] = typeof file === 'string' ? await readAnchors(file) : [];
  const home = await openServerHome(options);
  try {
    const found = await readStreams(home.state);
    // A stream that is gone whole shows by its anchors alone.
    const streams = [...new Set([...found, ...anchors.map((anchor) => anchor.stream)])].sort();
    const lines: string[] = [];
    let isBroken = false;
    for (const stream of streams) {
      const { head, breaks, provenFrom } = verifyStream(stream, await readStream(home.state, stream), anchors);
      isBroken ||= breaks.length > 0;
      for (const { seq, sentence } of breaks) lines.push(`${stream}: line ${String(seq)}: ${sentence}`);
      if (breaks.length > 0) continue;
      const last = anchors
        .filter((anchor) => anchor.stream === stream)
        .reduce((most, { seq }) => Math.max(most, seq), 0);
      const anchored =
        last === 0 ? 'no anchor was given, so a cut end would not show' : `anchored up to line ${String(last)}`;
      const dropped = provenFrom > 1 ? `; older lines were dropped by age, proven from line ${String(provenFrom)}` : '';
      lines.push(`${stream}: ${String(head.seq)} lines, whole, ${anchored}${dropped}.`);
    }
    if (streams.length === 0) lines.push('The audit log is empty.');
    return { text: `${lines.join('\n')}\n`, exitCode: isBroken ? 1 : 0 };
  } finally {
    await home.close();
  }
}

/** The audit log's newest lines as JSON lines, oldest first: `--last N` of them (100), of `--caller`, of `--denied` only. */
export async function auditShow(options: Options): Promise<string> {
  const { last = '100', caller, denied } = options;
  const most = Number(last);
  if (!Number.isInteger(most) || most < 1) throw new AppError('USAGE', 'Give --last a whole number of at least 1.');
  const home = await openServerHome(options);
  try {
    const lines: (AuditLine & { readonly stream: string })[] = [];
    for (const stream of await readStreams(home.state)) {
      for (const line of (await readStream(home.state, stream)).flatMap(linesOf)) lines.push({ stream, ...line });
    }
    return lines
      .filter((line) => (caller === undefined || line.caller === caller) && (denied !== true || !line.allowed))
      .sort((a, b) => a.at - b.at)
      .slice(-most)
      .map(({ at, ...line }) => `${JSON.stringify({ at: new Date(at).toISOString(), ...line })}\n`)
      .join('');
  } finally {
    await home.close();
  }
}
