/** What zod found wrong with a value, as a place inside it and a verb phrase. */
import type { z } from 'zod';
import { plain } from './words.ts';

export interface Complaint {
  /** Places inside the field, from outside in: `[[2], [2].show, [2].show[0]]` for that entry. Names as they were written. */
  readonly places: readonly string[];
  /** The innermost place, fit to be shown; empty for the field itself. */
  readonly shown: string;
  readonly complaint: string;
}

type Issue = z.core.$ZodIssue;

/** Of the ways to write a value, the one that was tried: its complaint is not about the kind of value as a whole. */
function innermost(issue: Issue): { readonly path: readonly PropertyKey[]; readonly message: string } {
  // zod hides what is wrong with a record's key one level down; the name itself may be anything, so it is not told.
  if (issue.code === 'invalid_key') {
    return { path: issue.path.slice(0, -1), message: issue.issues[0]?.message ?? issue.message };
  }
  if (issue.code !== 'invalid_union') return issue;
  for (const [first] of issue.errors) {
    if (first === undefined || (first.path.length === 0 && first.code === 'invalid_type')) continue;
    const { path, message } = innermost(first);
    return { path: [...issue.path, ...path], message };
  }
  return issue;
}

/** The first of the issues in words. */
export function complaintOf(issues: readonly Issue[]): Complaint {
  const [issue] = issues;
  if (issue === undefined) return { places: [], shown: '', complaint: 'has a value that is not allowed' };
  const { path, message } = innermost(issue);
  const places: string[] = [];
  let place = '';
  let shown = '';
  for (const part of path) {
    place += typeof part === 'number' ? `[${part}]` : `.${String(part)}`;
    shown += typeof part === 'number' ? `[${part}]` : `.${plain(String(part))}`;
    places.push(place);
  }
  return { places, shown, complaint: message };
}
