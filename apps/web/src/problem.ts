import type { schemas } from '@evergreen/client/generated/api.ts';

type ProblemBody = schemas['ProblemBody'];
export type ProblemCode = ProblemBody['code'] | 'unreachable';

/** What the API refused, as it says so itself (RFC 9457), or that there was no answer at all (`unreachable`, status 0). */
export class ApiProblem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly detail: string | undefined;
  /** What is wrong with single fields, by their place: body.amount. */
  readonly fields: Readonly<Record<string, string>>;
  readonly requestId: string | undefined;

  constructor(code: ProblemCode, status: number, body?: Partial<ProblemBody>, options?: ErrorOptions) {
    super(body?.title ?? code, options);
    this.code = code;
    this.status = status;
    this.detail = body?.detail;
    this.fields = Object.fromEntries((body?.errors ?? []).map(({ field, message }) => [field, message]));
    this.requestId = body?.requestId;
  }

  /** Is there no such thing? What is no id at all is refused as one that does not fit. */
  get isNotFound(): boolean {
    const isBadId = this.status === 400 && Object.keys(this.fields).some((field) => field.startsWith('params'));
    return this.status === 404 || isBadId;
  }
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * What the call of the client brought.
 * @throws ApiProblem for a refusal, and when there is no answer
 */
export async function answerOf<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (error) {
    throw new ApiProblem('unreachable', 0, undefined, { cause: error });
  }
  const { data, error, response } = answer;
  if (response.ok) return data as T;
  const body = typeof error === 'object' ? (error as Partial<ProblemBody> | null) : undefined;
  throw new ApiProblem(body?.code ?? 'internal_error', response.status, body ?? undefined);
}
