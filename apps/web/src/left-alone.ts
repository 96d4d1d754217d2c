import { useEffect } from 'react';

/** When somebody was last at work in any tab, in milliseconds since 1970. */
const ACTIVE = 'evergreen.active';
/** With the wait for the next renewal of the token it comes to the 30 minutes after which auth ends an operator's session. */
const LEFT_ALONE_MS = 20 * 60_000;
const NOTED_EVERY_MS = 10_000;

const note = () => localStorage.setItem(ACTIVE, String(Date.now()));

/** Has nobody touched a tab of this browser for 20 minutes? Only known while `useActivity` watches. */
export const isLeftAlone = (): boolean => Date.now() - Number(localStorage.getItem(ACTIVE) ?? 0) > LEFT_ALONE_MS;

/** Watches for keys and pointers while `isOn`, as a page that renews its own token would otherwise never be idle. */
export function useActivity(isOn: boolean): void {
  useEffect(() => {
    if (!isOn) return;
    let notedAtMs = Date.now();
    note();
    const onActivity = () => {
      if (Date.now() - notedAtMs < NOTED_EVERY_MS) return;
      notedAtMs = Date.now();
      note();
    };
    const events = ['keydown', 'pointerdown', 'pointermove', 'wheel'] as const;
    for (const event of events) addEventListener(event, onActivity, { passive: true });
    return () => {
      for (const event of events) removeEventListener(event, onActivity);
    };
  }, [isOn]);
}
