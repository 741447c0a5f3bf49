/** The sign-in host's pages: the form that goes nowhere, and messages. */
import { escapeHtml } from './escape.ts';

const STYLE = `
*{box-sizing:border-box}
html{font-size:clamp(14px,min(100vw / 120,100vh / 60),40px)}
body{margin:0;min-height:100vh;background:#eef1f4;color:#16202b;font:1rem/1.5 system-ui,"DejaVu Sans",sans-serif;display:flex;flex-direction:column}
header{background:#131c27;color:#fff;padding:1rem 2rem;font-weight:600;letter-spacing:.02em;display:flex;align-items:center;gap:.7rem}
header i{width:1.5rem;height:1.5rem;border-radius:.35rem;background:linear-gradient(135deg,#4cc2ff,#7a6cff)}
main{flex:1;display:flex;align-items:center;justify-content:center;padding:2rem}
section{background:#fff;border:1px solid #d4dae1;border-radius:.6rem;padding:2.2rem 2.4rem;width:min(32rem,100%);box-shadow:0 .4rem 1.6rem rgba(20,32,46,.08)}
h1{font-size:1.5rem;line-height:1.3;margin:0 0 1rem}
p{margin:0 0 1.2rem;color:#465463}
label{display:block;font-weight:600;margin:1rem 0 .3rem}
input{width:100%;font:inherit;padding:.55rem .7rem;border:1px solid #8f9dab;border-radius:.3rem}
button{margin-top:1.6rem;width:100%;font:inherit;font-weight:600;padding:.65rem;border:0;border-radius:.3rem;background:#1667c9;color:#fff}
a{color:#1667c9}
footer{padding:1rem 2rem;color:#6a7885;font-size:.85rem}`;

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><header><i></i>Cloud console</header><main><section>${content}</section></main><footer>Stand-in for tests and demonstrations. Nothing typed here goes anywhere.</footer></body></html>
`;
}

export function signinPage(): string {
  return page(
    'Sign in',
    `<h1>Sign in</h1><p>Your session has ended, or you have not signed in yet. Sign in as an IAM user to go on.</p>
<form onsubmit="return false"><label for="account">Account ID or alias</label><input id="account" autocomplete="off">
<label for="user">IAM user name</label><input id="user" autocomplete="off">
<label for="password">Password</label><input id="password" type="password" autocomplete="off"><button type="button">Sign in</button></form>`,
  );
}

export function messagePage(
  title: string,
  text: string,
  link?: { readonly href: string; readonly text: string },
): string {
  const anchor = link === undefined ? '' : `<p><a href="${escapeHtml(link.href)}">${escapeHtml(link.text)}</a></p>`;
  return page(title, `<h1>${escapeHtml(title)}</h1><p>${escapeHtml(text)}</p>${anchor}`);
}
