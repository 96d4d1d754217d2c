import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process that a later run can recognise. Process ids are reused, so the id alone proves nothing. */
export interface ProcessIdentity {
  pid: number;
  /** When the process began, in a form that is only compared for equality. */
  began: string;
}

/** Answers undefined when no such process runs. A zombie counts as not running. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const began = process.platform === 'linux' ? beganOnLinux(pid) : beganAccordingToPs(pid);
  return began === undefined ? undefined : { pid, began };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.began === identity.began;
}

/** The program and arguments of a running process, or undefined when it cannot be told. */
export function commandLine(pid: number): string | undefined {
  if (process.platform !== 'linux') {
    const ps = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8', timeout: 5_000 });
    return ps.status === 0 ? ps.stdout : undefined;
  }
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return undefined;
  }
}

function beganOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command in brackets may hold spaces, so fields are counted after its closing bracket: state is the first.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${bootId}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

function beganAccordingToPs(pid: number): string | undefined {
  const ps = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5_000 });
  const line = ps.stdout?.trim() ?? '';
  if (ps.status !== 0 || line === '' || line.startsWith('Z')) return undefined;
  return line.replace(/^\S+\s+/, '');
}
