/**
 * Lets a few in at a time, and the others wait in the order they came.
 * @param max who may be in, at once
 * @param maxWaiting who may wait; one more fails at once
 */
export function createTurnstile({ max, maxWaiting }: { max: number; maxWaiting: number }) {
  const waiting: (() => void)[] = [];
  let inside = 0;

  return async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (inside < max) {
      inside++;
    } else {
      if (waiting.length >= maxWaiting) throw new Error(`more than ${maxWaiting} are waiting`);
      // Whoever leaves hands its place over, so nobody can come in between.
      await new Promise<void>((enter) => waiting.push(enter));
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else inside--;
    }
  };
}
