/** IPC channels of the notice page. */
export const NOTICE_READY = 'notice:ready';
export const NOTICE_SHOW = 'notice:show';
