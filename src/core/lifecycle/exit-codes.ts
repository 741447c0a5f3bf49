/** How the wall's main process says to whoever started it why it ended. */

/** A fault of its own that it wrote down, and wants to be started again after (`EX_SOFTWARE` of BSD's sysexits). */
export const FAULT_EXIT_CODE = 70;
