/*
 * A link to the demo, as in /sign-in#email=...&password=...: it fills in the sign-in, and no server hears of it. Where the server does
 * not say that this is a demo, a link could lead somebody into another's account, so it does nothing there.
 */

/** Has this page been opened by a link to the demo, which nobody has taken yet? */
export const hasDemoLink = (): boolean =>
  document.querySelector('meta[name=evergreen-demo-sign-in]') !== null &&
  new URLSearchParams(location.hash.slice(1)).has('email');

/** What the link fills in. It goes from the address, so that it stays in no history. */
export function takeDemoLink(): { email: string; password: string } {
  const said = new URLSearchParams(hasDemoLink() ? location.hash.slice(1) : '');
  if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
  return { email: said.get('email') ?? '', password: said.get('password') ?? '' };
}
