import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { type Channel, closed, failed } from './channel.js';

/** As newer Nodes have it. */
type Report = NonNullable<typeof process.report> & { excludeEnv?: boolean };

/** By which a worker knows that the main thread writes none: workers are born with these data. */
const CLOSED_IN_MAIN = 'tracegate: reports are closed';

/** Without a listener the signal would end the process. */
function ignore(): void {}

/** Brings back what it changed alone: another copy of this package may have closed the rest, and opened it again since. */
function change(report: Report, wanted: Partial<Report>): () => void {
  const changed = (Object.keys(wanted) as (keyof Report)[]).filter(name => report[name] !== wanted[name]);
  const before = Object.fromEntries(changed.map(name => [name, report[name]]));
  Object.assign(report, wanted);
  return () => void Object.assign(report, before);
}

/** Replaces the listener of the main thread, if it has one; returns what brings it back. */
function silence(report: Report): () => void {
  const { reportOnSignal, signal } = report;
  setEnvironmentData(CLOSED_IN_MAIN, true);
  if (reportOnSignal) {
    process.on(signal, ignore);
    report.reportOnSignal = false;
  }
  return () => {
    setEnvironmentData(CLOSED_IN_MAIN, undefined);
    if (!reportOnSignal) return;
    report.reportOnSignal = true;
    process.removeListener(signal, ignore);
  };
}

/**
 * Diagnostic reports are files of mode 0644 with the whole environment. Where Node can leave that out (`excludeEnv`) they
 * are written without it; elsewhere they aren't written on errors. On a signal, which every process of this uid may send,
 * never: that signal then does nothing. On a signal and on an uncaught exception each thread decides for itself, and a
 * worker sees only what the process was started with.
 *
 * Node: nodejs.org/api/report.html
 */
export const reports: Channel = {
  name: 'reports',
  close() {
    const report: Report | undefined = process.report;
    if (report === undefined) return closed('nothing');
    const isMains = !isMainThread && !getEnvironmentData(CLOSED_IN_MAIN);
    if (
      isMains &&
      (report.reportOnSignal || (report.reportOnUncaughtException && !('excludeEnv' in report)))
    ) {
      return failed(
        "the main thread writes diagnostic reports, and a worker can't change that",
        'call denyTracing() in the main thread, or start Node without --report-on-signal and --report-uncaught-exception',
      );
    }
    const bringBack = isMainThread ? silence(report) : () => {};
    const wanted: Partial<Report> =
      'excludeEnv' in report
        ? { excludeEnv: true }
        : { reportOnFatalError: false, reportOnUncaughtException: false };
    const undo = change(report, wanted);
    return closed(() => {
      undo();
      bringBack();
    }, [
      'excludeEnv' in report
        ? 'diagnostic reports are without the environment, and not written on a signal'
        : 'no diagnostic report is written on a signal or an error',
    ]);
  },
};
