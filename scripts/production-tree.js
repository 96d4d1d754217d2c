// Copies what one workspace needs to run, and nothing else, for its container image:
//
//   node scripts/production-tree.js services/wallet /out
//
// /out/dependencies   node_modules: the packages it depends on, and those they depend on
// /out/sources        its own package.json and src, and those of the workspaces it depends on
//
// `npm ci --omit=dev` of a workspace keeps four times as much: what the workspaces' own devDependencies and the optional
// peers of packages need, such as the Prisma CLI.
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';

const root = process.cwd();
const [workspace, out] = process.argv.slice(2);
if (!workspace || !out) throw new Error('usage: node scripts/production-tree.js <workspace> <target folder>');

/** What never runs here: types, maps, and Prisma's compilers of queries for other databases than Postgres. */
const isNeeded = (file) =>
  !/\.(map|d\.ts|d\.mts|d\.cts)$/.test(file) &&
  !/query_(compiler|engine)_.*\.(cockroachdb|mysql|sqlite|sqlserver)\./.test(basename(file));

const copied = new Set();
copyWorkspace(resolve(root, workspace));
console.log(`${workspace}: ${copied.size} packages`);

function copyWorkspace(folder) {
  if (copied.has(folder)) return;
  copied.add(folder);
  for (const name of ['package.json', 'src']) {
    cpSync(join(folder, name), join(out, 'sources', relative(root, folder), name), { recursive: true });
  }
  copyDependencies(folder);
}

function copyPackage(folder) {
  if (copied.has(folder)) return;
  copied.add(folder);
  // Packages that this one keeps to itself are copied where somebody depends on them.
  const filter = (source) => isNeeded(source) && relative(folder, source).split('/')[0] !== 'node_modules';
  cpSync(folder, join(out, 'dependencies', relative(root, folder)), { recursive: true, filter });
  copyDependencies(folder);
}

function copyDependencies(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  for (const name of [...Object.keys(dependencies), ...peers, ...Object.keys(optionalDependencies)]) {
    if (name.startsWith('@types/')) continue;
    const found = find(name, folder);
    // Binaries for other platforms are optional, and not installed.
    if (!found && name in optionalDependencies) continue;
    if (!found) throw new Error(`${relative(root, folder)} needs ${name}, which is not installed`);
    if (lstatSync(found).isSymbolicLink()) link(found);
    else copyPackage(found);
  }
}

/** As Node finds a package: in the nearest node_modules, upwards. */
function find(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(candidate)) return candidate;
    if (folder === root) return undefined;
  }
}

function link(found) {
  const target = join(out, 'dependencies', relative(root, found));
  if (!copied.has(found)) {
    copied.add(found);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(relative(dirname(found), realpathSync(found)), target);
  }
  copyWorkspace(realpathSync(found));
}
