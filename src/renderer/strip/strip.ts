import type { StripText } from '../../core/surface/notice.ts';
import { staleLine } from '../../core/surface/wording.ts';
import type { StripBridge } from '../../preload/strip.ts';

const bridge = (window as unknown as { readonly vigil: StripBridge }).vigil;

let current: StripText | undefined;

function put(id: string, text: string): void {
  const element = document.getElementById(id);
  if (element !== null && element.textContent !== text) element.textContent = text;
}

function tick(): void {
  if (current === undefined || document.hidden) return;
  put('line', staleLine(current, Date.now()));
  put('reason', current.reason ?? '');
}

bridge.onStrip((text) => {
  current = text;
  tick();
});
// No timer runs while nobody sees the page.
let timer: number | undefined;
function follow(): void {
  clearInterval(timer);
  timer = document.hidden ? undefined : setInterval(tick, 1000);
  tick();
}
document.addEventListener('visibilitychange', follow);
follow();
