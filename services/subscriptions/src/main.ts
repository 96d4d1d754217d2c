import { remoteKeys } from '@evergreen/service-kit/auth.ts';
import { runService } from '@evergreen/service-kit/process.ts';
import { readSubscriptionsConfig } from './config.ts';
import { startSubscriptions } from './start.ts';

await runService('subscriptions', async (context) => {
  const config = readSubscriptionsConfig();
  await startSubscriptions(context, config, remoteKeys(config.AUTH_JWKS_URL));
});
