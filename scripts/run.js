// Sets the checkout up when needed and runs a TypeScript entry on the Node of node_modules. It runs on whatever Node
// the machine has, before node_modules exists: no dependencies, no TypeScript.
//
//   node scripts/run.js <entry.ts> [args...]   set up, then run the entry
//   node scripts/run.js --only-setup           set up and stop there
//   node scripts/run.js --check                set up, then type check, lint and check the format
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const binaries = join(root, 'node_modules/.bin');
const oldestNode = 20;
const maxOutputBytes = 200_000;

const args = process.argv.slice(2);
let onlySetup = false;
let check = false;
while (args[0] === '--only-setup' || args[0] === '--check') {
  if (args.shift() === '--check') check = true;
  else onlySetup = true;
}
// The setting keeps turbo and Prisma from looking for anything on the network.
const environment = {
  ...process.env,
  PATH: [binaries, process.env.PATH].join(delimiter),
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  CHECKPOINT_DISABLE: '1',
};

let runningChild;
let askedToStop = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // After Ctrl-C the child has had the signal from the terminal as well; it treats the pair as one.
    askedToStop = true;
    runningChild?.kill(signal);
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

async function main() {
  if (Number(process.versions.node.split('.')[0]) < oldestNode) {
    throw new Error(`Evergreen needs Node ${oldestNode} or newer to set itself up; this is ${process.versions.node}.`);
  }
  await install();
  await generate();
  if (onlySetup) return 0;
  if (check) return runChecks();
  if (args.length === 0) throw new Error('usage: node scripts/run.js [--only-setup] [--check] <entry.ts> [args...]');
  const [entry, ...rest] = args;
  return await run(join(binaries, 'node'), [join(root, entry), ...rest]);
}

async function install() {
  const mark = join(root, 'node_modules/.evergreen-installed');
  const wanted = dependencyHash();
  const isMarked = () => existsSync(mark) && readFileSync(mark, 'utf8') === wanted;
  if (isMarked()) return;
  const unlock = await lock('install');
  try {
    if (isMarked()) return;
    if (!isInstalledByHand()) {
      const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
      // An older npm runs Prisma's install script, which would download the engine that is not needed.
      const settings = { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath };
      await quietly('Installing packages', npm, ['ci', '--no-audit', '--no-fund'], settings);
    }
    const version = spawnSync(join(binaries, 'node'), ['--version'], { encoding: 'utf8' });
    if (version.status !== 0) {
      const advice = 'On Debian and Ubuntu it needs one library: sudo apt-get install libatomic1';
      throw new Error(
        `Node 26 from npm does not run here: ${version.error?.message ?? version.stderr.trim()}\n${advice}`,
      );
    }
    writeFileSync(mark, wanted);
  } finally {
    unlock();
  }
}

/** Tells whether somebody's own `npm install` has already left what the lock file and every package.json ask for. */
function isInstalledByHand() {
  if (!existsSync(join(binaries, 'node'))) return false;
  const locked = readLock('package-lock.json');
  const installed = readLock('node_modules/.package-lock.json');
  if (!locked || !installed) return false;
  return Object.entries(locked).every(([path, wanted]) => {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) return asksForTheSame(path, wanted);
    const found = installed[path];
    // A folder below a workspace may be lost while the list of what is installed is not.
    if (found && !path.startsWith('node_modules/') && !existsSync(join(root, path))) return wanted.optional === true;
    return found ? found.version === wanted.version && found.resolved === wanted.resolved : wanted.optional === true;
  });
}

function asksForTheSame(folder, locked) {
  const file = join(root, folder, 'package.json');
  if (!existsSync(file)) return false;
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  const sorted = (dependencies) => JSON.stringify(Object.entries(dependencies ?? {}).sort());
  return ['dependencies', 'devDependencies'].every((kind) => sorted(manifest[kind]) === sorted(locked[kind]));
}

function readLock(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** A hash of every file that decides what npm installs. */
function dependencyHash() {
  const files = ['package.json', 'package-lock.json'];
  for (const folder of JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).workspaces) {
    const names = folder.endsWith('/*') ? listFolders(folder.slice(0, -2)) : [folder];
    files.push(...names.map((name) => `${name}/package.json`).filter((file) => existsSync(join(root, file))));
  }
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  for (const file of files.sort()) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

function listFolders(parent) {
  if (!existsSync(join(root, parent))) return [];
  return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`);
}

/** Generates the Prisma clients of the services that have a schema; turbo's cache skips what has not changed. */
async function generate() {
  const withSchema = listFolders('services').filter((folder) => existsSync(join(root, folder, 'prisma/schema.prisma')));
  if (withSchema.length === 0) return;
  const unlock = await lock('generate');
  try {
    const filters = withSchema.map((folder) => `--filter=./${folder}`);
    const turboArgs = ['run', 'generate', '--output-logs=errors-only', ...filters];
    // Prisma insists on a schema engine that generating does not use; any executable will do, and none is downloaded.
    const engine = realpathSync(join(binaries, 'node'));
    const title = 'Generating database clients';
    await quietly(title, join(binaries, 'turbo'), turboArgs, { PRISMA_SCHEMA_ENGINE_BINARY: engine });
  } finally {
    unlock();
  }
}

async function runChecks() {
  let failed = 0;
  // The web app is checked as what runs in a browser, all else as what runs on Node.
  for (const [name, ...rest] of [
    ['tsc', '-p', '.'],
    ['tsc', '-p', 'apps/web'],
    ['biome', 'ci', '.'],
  ]) {
    if ((await run(join(binaries, name), rest)) !== 0) failed = 1;
    if (askedToStop) return 130;
  }
  return failed;
}

/** Runs a command with the terminal's own input and output; answers its exit code. */
function run(command, commandArgs) {
  return new Promise((done, fail) => {
    const child = spawn(command, commandArgs, { cwd: root, env: environment, stdio: 'inherit' });
    runningChild = child;
    child.once('error', fail);
    child.once('exit', (code, signal) => done(code ?? 128 + constants.signals[signal]));
  });
}

/** Runs a command behind one line that counts the seconds; its output is shown only when it fails. */
function quietly(title, command, commandArgs, extraEnvironment = {}) {
  const startedAt = Date.now();
  const seconds = () => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
  const live = process.stdout.isTTY;
  const show = (mark, end) => process.stdout.write(`${live ? '\r\x1b[2K' : ''}  ${mark} ${title} (${seconds()})${end}`);
  const ticker = live ? setInterval(() => show('…', ''), 200) : undefined;
  return new Promise((done, fail) => {
    const child = spawn(command, commandArgs, {
      cwd: root,
      env: { ...environment, ...extraEnvironment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    runningChild = child;
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-maxOutputBytes);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const failed = (reason) => {
      clearInterval(ticker);
      show('✗', '\n');
      fail(new Error(`${output}\n${title} failed: ${reason}`));
    };
    child.once('error', (error) => failed(error.message));
    child.once('close', (code, signal) => {
      if (code !== 0 || askedToStop)
        return failed(`${[command, ...commandArgs].join(' ')} ended with ${signal ?? code}`);
      clearInterval(ticker);
      show('✓', '\n');
      return done();
    });
  });
}

/** Keeps two commands in one checkout from setting it up at once. A lock whose holder has died is taken over. */
async function lock(name) {
  const folder = join(root, '.evergreen');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.lock`);
  const deadline = Date.now() + 600_000;
  while (Date.now() < deadline) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!isAlive(file)) rmSync(file, { force: true });
    else await new Promise((wake) => setTimeout(wake, 100));
    if (askedToStop) throw new Error('stopped');
  }
  throw new Error(`another command has been setting up for 10 minutes; if none is running, remove ${file}`);
}

function isAlive(file) {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    // An empty file belongs to a process between creating and writing it.
    if (pid > 0) process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
