import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const installTimeoutMs = 300_000;

/**
 * The Chromium that browser tests run on: `CHROMIUM`, or one on the PATH. Undefined where there is none. With `install`, root
 * installs the distribution's own first, on Debian and Ubuntu.
 */
export async function findChromium(install: boolean, say: (detail: string) => void): Promise<string | undefined> {
  const found = process.env.CHROMIUM || onPath();
  if (found || !install || process.getuid?.() !== 0 || !pathOf('apt-get')) return found;
  say('installing the package chromium');
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', 'chromium']]) {
    if (!(await succeeds('apt-get', args))) {
      say('apt-get could not install it');
      return undefined;
    }
  }
  return onPath();
}

const onPath = (): string | undefined => names.map(pathOf).find((path) => path !== undefined);

function pathOf(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function succeeds(command: string, args: string[]): Promise<boolean> {
  const child = spawn(command, args, {
    stdio: 'ignore',
    timeout: installTimeoutMs,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}
