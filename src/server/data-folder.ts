/** Names within a server's data folder. */

/** The state: devices, invites, nonces, the audit log. */
export const STATE_FILE = 'state.db';
/** Beside the state, to tell an older one by. */
export const TIME_MARK_FILE = 'time-mark.json';
/** Folder of the program's log. */
export const LOG_FOLDER = 'log';

/** The chain of audit lines that commands and the one process share. */
export const AUDIT_STREAM = 'main';
