import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads';
import { type Channel, closed, failed } from './channel.js';

/** `excludeEnv` exists in newer versions of Node only. */
type Report = NonNullable<typeof process.report> & { excludeEnv?: boolean };

/** An environment data key: a worker inherits its value, which says that the main thread writes no reports. */
const CLOSED_IN_MAIN = 'tracegate: reports are closed';

/** A listener that does nothing. Without a listener the signal would end the process. */
function ignore(): void {}

/**
 * Changes settings of process.report. The returned undo restores only the settings that this call changed: another copy of
 * this package may own the others.
 */
function change(report: Report, wanted: Partial<Report>): () => void {
  const changed = (Object.keys(wanted) as (keyof Report)[]).filter(name => report[name] !== wanted[name]);
  const before = Object.fromEntries(changed.map(name => [name, report[name]]));
  Object.assign(report, wanted);
  return () => void Object.assign(report, before);
}

/** Replaces the signal listener of the main thread if Node has one. @returns a function that restores it */
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
 * Diagnostic reports are files of mode 0644 with the whole environment. If Node has `excludeEnv`, the channel removes the
 * environment from the reports. In older versions the channel turns reports on errors off.
 *
 * The channel always turns reports on a signal off, since every process of this uid may send the signal. The signal then
 * does nothing.
 *
 * Each thread has its own settings for a signal and for an uncaught exception. A worker sees only the settings of the start.
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
