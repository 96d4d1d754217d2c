import { demoEmail } from './seed.ts';

/**
 * The lines that tell where a system with demo accounts is and how to sign in. Each link leads to a form that is filled in; what
 * stands behind its # is told to no server.
 */
export function signInLinks(options: { baseUrl: string; operatorEmail: string; password: string }): string {
  const { baseUrl, operatorEmail, password } = options;
  const link = (email: string) => `${baseUrl}/sign-in#${new URLSearchParams({ email, password })}`;
  return `Evergreen is ready at ${baseUrl}

  Customer  ${link(demoEmail)}
  Operator  ${link(operatorEmail)}
            (${demoEmail}, ${operatorEmail}; password ${password})
  API docs  ${baseUrl}/docs`;
}
