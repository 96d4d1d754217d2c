import { remoteKeys } from '@evergreen/service-kit/auth.ts';
import { runService } from '@evergreen/service-kit/process.ts';
import { readNotifierConfig } from './config.ts';
import { startNotifier } from './start.ts';

await runService('notifier', async (context) => {
  const config = readNotifierConfig();
  await startNotifier(context, config, remoteKeys(config.AUTH_JWKS_URL));
});
