import { createClient, type EvergreenClient, subjectOf } from '@evergreen/client/client.ts';
import type { schemas } from '@evergreen/client/generated/api.ts';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { chooseLanguage, languageOf } from './i18n/i18n.ts';
import { isLeftAlone, useActivity } from './left-alone.ts';
import { ApiProblem, answerOf } from './problem.ts';

/*
 * Who is signed in. The access token lives in memory alone; the refresh token is a cookie that no script can read.
 *
 *   restoring -> signed out <-> signed in        and from restoring: unreachable
 *
 * Tabs tell each other when that changed, and each then asks the server by the cookie.
 */

type User = schemas['User'];

export interface SignedIn {
  is: 'signed in';
  user: User;
  /** The API as this person. */
  api: EvergreenClient;
  /** The access token of the moment. */
  token: () => string;
  /** Seconds that the token had left when it came. */
  expiresIn: number;
}

export type SessionState = SignedIn | { is: 'restoring' | 'signed out' | 'unreachable' };

interface SessionContext {
  state: SessionState;
  signIn: (credentials: schemas['LoginBody']) => Promise<void>;
  signUp: (account: schemas['RegisterBody']) => Promise<void>;
  signOut: () => Promise<void>;
  updateProfile: (profile: schemas['ProfileBody']) => Promise<void>;
  /** Asks the server again who is signed in. */
  restore: () => Promise<void>;
}

const Context = createContext<SessionContext | undefined>(undefined);
/** Says that there may be a session, so that a visitor's page asks for none. */
const MARK = 'evergreen.session';
/** A new token is fetched this long before the last one runs out, so that no request is refused for it. */
const AHEAD_SECONDS = 30;
const visitor = createClient({ baseUrl: '' });

export function SessionProvider({ children }: { children: ReactNode }) {
  const queryClient = useQueryClient();
  const [state, setState] = useState<SessionState>({ is: 'restoring' });
  const userId = useRef<string | undefined>(undefined);
  const token = useRef('');
  const tabs = useMemo(() => new BroadcastChannel(MARK), []);

  const end = useCallback(() => {
    localStorage.removeItem(MARK);
    userId.current = undefined;
    queryClient.clear();
    setState({ is: 'signed out' });
  }, [queryClient]);

  const adopt = useCallback(
    ({ user, accessToken, expiresIn }: { user: User; accessToken: string; expiresIn: number }) => {
      localStorage.setItem(MARK, '1');
      void chooseLanguage(languageOf(user.locale));
      if (userId.current !== user.id) queryClient.clear();
      userId.current = user.id;
      token.current = accessToken;
      const api = createClient({
        baseUrl: '',
        session: { accessToken, refreshToken: 'cookie' },
        onSession: (session) => {
          if (!session?.accessToken) return end();
          token.current = session.accessToken;
          // Another tab may have signed in as somebody else, whose cookie this one has now used.
          if (subjectOf(token.current) !== user.id) location.reload();
        },
      });
      setState({ is: 'signed in', user, api, token: () => token.current, expiresIn });
    },
    [end, queryClient],
  );

  const restore = useCallback(async () => {
    if (localStorage.getItem(MARK) === null) return end();
    try {
      adopt(await answerOf(visitor.POST('/v1/auth/refresh', { body: {} })));
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) end();
      else setState((before) => (before.is === 'signed in' ? before : { is: 'unreachable' }));
    }
  }, [adopt, end]);

  useEffect(() => {
    void restore();
    const onMessage = () => void restore();
    tabs.addEventListener('message', onMessage);
    return () => tabs.removeEventListener('message', onMessage);
  }, [restore, tabs]);

  const signOut = useCallback(async () => {
    await answerOf(visitor.POST('/v1/auth/logout', { body: {} }));
    end();
    tabs.postMessage('changed');
  }, [end, tabs]);

  const isOperator = state.is === 'signed in' && state.user.role === 'operator';
  useActivity(isOperator);
  const expiresIn = state.is === 'signed in' ? state.expiresIn : undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new state is a new token, also when it lasts as long
  useEffect(() => {
    if (expiresIn === undefined) return;
    const goOn = () => void (isOperator && isLeftAlone() ? signOut() : restore());
    const timer = setTimeout(goOn, Math.max(expiresIn - AHEAD_SECONDS, 1) * 1_000);
    return () => clearTimeout(timer);
  }, [state, expiresIn, isOperator, restore, signOut]);

  const context = useMemo<SessionContext>(
    () => ({
      state,
      restore,
      signIn: async (body) => {
        adopt(await answerOf(visitor.POST('/v1/auth/login', { body })));
        tabs.postMessage('changed');
      },
      signUp: async (body) => {
        adopt(await answerOf(visitor.POST('/v1/auth/register', { body })));
        tabs.postMessage('changed');
      },
      signOut,
      updateProfile: async (body) => {
        if (state.is !== 'signed in') return;
        const { accessToken, expiresIn, ...user } = await answerOf(state.api.PATCH('/v1/auth/me', { body }));
        adopt({ user, accessToken, expiresIn });
        // The server's own texts and dates are others now.
        void queryClient.invalidateQueries();
        tabs.postMessage('changed');
      },
    }),
    [state, adopt, restore, signOut, tabs, queryClient],
  );
  return <Context value={context}>{children}</Context>;
}

export function useSession(): SessionContext {
  const context = use(Context);
  if (!context) throw new Error('useSession belongs inside SessionProvider');
  return context;
}

/** The person of a page that only signed-in people see. */
export function useSignedIn(): SignedIn {
  const { state } = useSession();
  if (state.is !== 'signed in') throw new Error('this page belongs behind RequireSession');
  return state;
}
