import { useRef } from 'react';

/**
 * The Idempotency-Key of what a form would send: the same for the same values, so that sending again after an answer that was lost
 * does nothing twice, and another one as soon as a value changes.
 */
export function useRequestKey(values: unknown): string {
  const text = JSON.stringify(values);
  const kept = useRef({ text, key: crypto.randomUUID() });
  if (kept.current.text !== text) kept.current = { text, key: crypto.randomUUID() };
  return kept.current.key;
}
