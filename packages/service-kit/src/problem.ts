import { PROBLEMS, type ProblemBody, type ProblemCode } from '@evergreen/contracts/problems.ts';

type Extras = Partial<Pick<ProblemBody, 'errors' | 'allowed'>> & { retryAfterSeconds?: number };

/** An expected refusal. Thrown anywhere below a route, it becomes the answer `code` stands for. */
export class Problem extends Error {
  override name = 'Problem';
  readonly code: ProblemCode;
  readonly extras: Extras;

  constructor(code: ProblemCode, detail?: string, extras: Extras = {}) {
    super(detail ?? PROBLEMS[code].title);
    this.code = code;
    this.extras = extras;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }
}

/** The refusal of one field of what was sent: `field` by its path, such as `body.amount`, and `message` what is wrong with it. */
export const invalidField = (field: string, message: string): Problem =>
  new Problem('validation_failed', `${field} ${message}`, { errors: [{ field, message }] });

/** The RFC 9457 body of a code. `detail` must be fit for strangers. */
export function problemBody(code: ProblemCode, more: Partial<ProblemBody> = {}): ProblemBody {
  const { status, title } = PROBLEMS[code];
  return { type: `urn:evergreen:problem:${code}`, title, status, code, ...more };
}
