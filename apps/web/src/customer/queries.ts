import { useApiQuery } from '../api.ts';
import type { Currency } from '../format.ts';

/** The socket usually says it first; this is for when it cannot. */
const TOP_UPS_POLL_MS = 4_000;

/** What several pages read; each is kept once. */

export const useWallet = () => useApiQuery(['wallet', 'balances'], (api) => api.GET('/v1/wallet'));

export const useSubscriptions = () =>
  useApiQuery(['subscriptions', 'list'], (api) => api.GET('/v1/subscriptions', { params: { query: { limit: 100 } } }));

export const useRecentMovements = () =>
  useApiQuery(['wallet', 'transactions', 'recent'], (api) =>
    api.GET('/v1/wallet/transactions', { params: { query: { limit: 5 } } }),
  );

/** Read again and again while the outcome of one is being found out. */
export const useRecentTopUps = () =>
  useApiQuery(
    ['wallet', 'top-ups', 'recent'],
    (api) => api.GET('/v1/wallet/top-ups', { params: { query: { limit: 10 } } }),
    {
      refetchInterval: ({ state }) =>
        state.data?.data.some(({ status }) => status === 'processing') ? TOP_UPS_POLL_MS : false,
    },
  );

export const usePlans = () =>
  useApiQuery(['plans'], (api) => api.GET('/v1/plans', { params: { query: { limit: 100 } } }), { staleTime: 60_000 });

export const useSavedMethods = () => useApiQuery(['payment-methods'], (api) => api.GET('/v1/wallet/payment-methods'));

/** The settings of all currencies. */
export const useAutoTopUps = () => useApiQuery(['auto-top-up', 'all'], (api) => api.GET('/v1/wallet/auto-top-up'));

/** The test cards of the fake payment provider. */
export const useTestCards = () =>
  useApiQuery(['test-cards'], (api) => api.GET('/v1/gateway/payment-methods'), { staleTime: Number.POSITIVE_INFINITY });

/** The currency somebody lives in here: that of a subscription, else of a balance. Undefined while that is not known. */
export function useMainCurrency(): Currency | undefined {
  const wallet = useWallet();
  const subscriptions = useSubscriptions();
  if (wallet.isPending || subscriptions.isPending) return undefined;
  const live = subscriptions.data?.data.find(({ status }) => status !== 'expired');
  return live?.price.currency ?? wallet.data?.balances[0]?.currency ?? 'USD';
}
