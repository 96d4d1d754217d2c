import { NotFound } from '../layout/failures.tsx';
import type { ApiProblem } from '../problem.ts';
import { Problem } from './problem.tsx';

/** Stands where a page cannot be read: that there is none with this id, or what went wrong. */
export function PageProblem({ error, onRetry }: { error: ApiProblem | null; onRetry: () => void }) {
  return error?.isNotFound ? <NotFound /> : <Problem error={error} onRetry={onRetry} />;
}
