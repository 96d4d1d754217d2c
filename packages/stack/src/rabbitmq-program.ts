import { spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { evergreenDirectory } from './paths.ts';
import { ReadableError } from './readable-error.ts';

/** Where RabbitMQ's start script is and what it needs in its environment. */
export interface RabbitmqProgram {
  server: string;
  epmd: string;
  env: Record<string, string>;
}

const packageTimeoutMs = 300_000;

/** On Debian and Fedora the command on the PATH refuses to run for ordinary users; the script behind it does not. */
const systemServers = [
  '/usr/lib/rabbitmq/bin/rabbitmq-server',
  '/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server',
  '/usr/local/opt/rabbitmq/sbin/rabbitmq-server',
];

/**
 * Finds RabbitMQ on this system or, on Debian and Ubuntu, unpacks the distribution's own packages into
 * .evergreen/rabbitmq, without root and without installing anything. Throws a ReadableError that says what to
 * install where neither is possible.
 */
export async function findRabbitmq(say: (detail: string) => void, signal?: AbortSignal): Promise<RabbitmqProgram> {
  const installed = systemServers.find(isExecutable) ?? onPath('rabbitmq-server');
  const epmd = onPath('epmd') ?? ['/usr/lib/erlang/bin/epmd', '/usr/lib64/erlang/bin/epmd'].find(isExecutable);
  if (installed && epmd) return { server: realpathSync(installed), epmd, env: {} };
  const cache = join(evergreenDirectory, 'rabbitmq');
  if (!existsSync(join(cache, 'complete'))) {
    if (!onPath('apt-get') || !onPath('apt-cache') || !onPath('dpkg-deb')) throw new ReadableError(installAdvice());
    await unpack(cache, say, signal);
  }
  return unpackedProgram(cache);
}

function unpackedProgram(cache: string): RabbitmqProgram {
  const root = join(cache, 'root');
  const erlang = join(root, 'usr/lib/erlang');
  const releases = join(root, 'usr/lib/rabbitmq/lib');
  const release = readdirSync(releases).find((name) => name.startsWith('rabbitmq_server-'));
  if (!release) throw new ReadableError(`${cache} is incomplete. Remove it and start again.`);
  const libraries = readdirSync(join(root, 'usr/lib')).filter((name) => name.includes('-linux-'));
  const libraryPath = libraries.flatMap((name) => [join(root, 'usr/lib', name), join(root, 'lib', name)]);
  return {
    server: join(releases, release, 'sbin/rabbitmq-server'),
    epmd: join(erlang, 'bin/epmd'),
    env: {
      EVERGREEN_ERLANG: erlang,
      PATH: [join(erlang, 'bin'), process.env.PATH].join(delimiter),
      ...(libraryPath.length > 0 ? { LD_LIBRARY_PATH: libraryPath.join(':') } : {}),
    },
  };
}

/** Two runs may unpack at once: each works in a folder of its own and the first to finish is kept. */
async function unpack(cache: string, say: (detail: string) => void, signal?: AbortSignal): Promise<void> {
  const work = `${cache}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  for (const folder of ['apt/lists/partial', 'apt/cache/archives/partial', 'packages', 'root']) {
    mkdirSync(join(work, folder), { recursive: true });
  }
  try {
    const apt = aptOptions(work);
    say('reading the package lists');
    // One broken third-party source must not matter; a missing package is noticed below.
    await run('apt-get', [...apt, 'update'], work, signal).catch(() => undefined);
    const packages = await packagesToUnpack(apt, work, signal);
    say(`downloading ${packages.length} packages`);
    await run('apt-get', [...apt, 'download', ...packages], join(work, 'packages'), signal);
    say('unpacking');
    for (const file of readdirSync(join(work, 'packages'))) {
      await run('dpkg-deb', ['-x', join(work, 'packages', file), join(work, 'root')], work, signal);
    }
    makeRelocatable(join(work, 'root/usr/lib/erlang/bin/erl'));
    rmSync(join(work, 'apt'), { recursive: true, force: true });
    rmSync(join(work, 'packages'), { recursive: true, force: true });
    writeFileSync(join(work, 'complete'), '');
    if (existsSync(join(cache, 'complete'))) return;
    rmSync(cache, { recursive: true, force: true });
    renameSync(work, cache);
  } catch (error) {
    signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw new ReadableError(
      `RabbitMQ could not be fetched from the system's package sources: ${reason}\n${installAdvice()}`,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Every file apt writes goes below `work`, so neither root nor a lock of the system's is needed. */
function aptOptions(work: string): string[] {
  const options = {
    'Dir::State::Lists': join(work, 'apt/lists'),
    'Dir::Cache': join(work, 'apt/cache'),
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
    'Debug::NoLocking': '1',
  };
  return ['-q', ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
}

/** RabbitMQ, the parts of Erlang it depends on, and shared libraries that this system lacks. */
async function packagesToUnpack(apt: string[], work: string, signal?: AbortSignal): Promise<string[]> {
  const edges = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((edge) => `--no-${edge}`);
  const depends = await run('apt-cache', [...apt, 'depends', '--recurse', ...edges, 'rabbitmq-server'], work, signal);
  const erlang = depends.split('\n').filter((line) => /^erlang-[a-z0-9-]+$/.test(line));
  if (erlang.length === 0) throw new Error('the package rabbitmq-server is not in them');
  const simulated = await run(
    'apt-get',
    [...apt, '-s', '--no-install-recommends', 'install', 'rabbitmq-server'],
    work,
    signal,
  ).catch(() => '');
  const libraries = [...simulated.matchAll(/^Inst (lib\S+)/gm)].map((match) => match[1] ?? '');
  return [...new Set(['rabbitmq-server', ...erlang, ...libraries])];
}

/** Erlang's start script names the folder it was built for; it learns the real one from the environment instead. */
function makeRelocatable(script: string): void {
  const text = readFileSync(script, 'utf8');
  writeFileSync(script, text.replaceAll(/ROOTDIR="?\/usr\/lib\/erlang"?/g, 'ROOTDIR="$EVERGREEN_ERLANG"'));
}

/** Runs a command to its end and answers its stdout; throws with its last lines of stderr. */
function run(command: string, args: string[], cwd: string, signal?: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: packageTimeoutMs,
      ...(signal ? { signal } : {}),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = `${stderr}${chunk}`.slice(-4_000);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} failed: ${stderr.trim().split('\n').slice(-3).join(' ')}`));
    });
  });
}

function onPath(command: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return existsSync(dirname(file));
  } catch {
    return false;
  }
}

function installAdvice(): string {
  const docker = 'Or start Docker, or set DATABASE_URL and AMQP_URL to running servers.';
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (process.platform === 'darwin') return `Evergreen needs RabbitMQ. Install it: brew install rabbitmq\n${docker}`;
  if (process.platform === 'win32') {
    return 'On Windows, Evergreen runs in WSL. Install it: wsl --install -d Ubuntu, then clone and start Evergreen inside it.';
  }
  if (/^ID(_LIKE)?=.*(debian|ubuntu)/m.test(release)) {
    return `Evergreen needs RabbitMQ. Install it: sudo apt-get update && sudo apt-get install rabbitmq-server\n${docker}`;
  }
  if (/^ID(_LIKE)?=.*(fedora|rhel)/m.test(release)) {
    return `Evergreen needs RabbitMQ. Install it: sudo dnf install rabbitmq-server\n${docker}`;
  }
  return `Evergreen needs RabbitMQ (the command rabbitmq-server on the PATH). Install it with this system's package manager.\n${docker}`;
}
