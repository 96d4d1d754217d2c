import { call } from '../src/api.ts';

export interface Statement {
  user: string;
  /** Movements of the balance, newest first. */
  lines: { id: string }[];
  subscriptions: { id: string }[];
}

/** What the operator can see of every customer's money and subscriptions. */
export async function readStatements(
  baseUrl: string,
  operator: { email: string; password: string },
): Promise<Statement[]> {
  const session = await call(`${baseUrl}/v1/auth/login`, { body: operator });
  const get = async (path: string) => {
    const answer = await call(`${baseUrl}/v1${path}`, { token: session.body.accessToken });
    if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const users = (await get('/operator/users?limit=100')).data as { id: string; email: string; role: string }[];
  const statements: Statement[] = [];
  for (const { id, email } of users.filter(({ role }) => role === 'customer')) {
    const lines = (await get(`/wallets/${id}/transactions?limit=100`)).data;
    const subscriptions = (await get(`/operator/subscriptions?userId=${id}&limit=100`)).data;
    statements.push({ user: email, lines, subscriptions });
  }
  return statements;
}

/** Every line and every subscription is still there as it was; renewals may have added some. @throws Error that names what is not */
export function expectKept(before: Statement[], after: Statement[]): void {
  for (const { user, lines, subscriptions } of before) {
    const now = after.find((statement) => statement.user === user);
    const kept = new Set(now?.lines.map((line) => JSON.stringify(line)));
    const lost = lines.filter((line) => !kept.has(JSON.stringify(line)));
    const ids = new Set(now?.subscriptions.map(({ id }) => id));
    const gone = subscriptions.filter(({ id }) => !ids.has(id));
    if (lost.length + gone.length > 0) throw new Error(`${user} has lost ${JSON.stringify([...lost, ...gone])}`);
  }
}
