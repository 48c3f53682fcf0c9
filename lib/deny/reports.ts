import { type Channel, closed } from './channel.js';

/** As newer Nodes have it. */
type Report = NonNullable<typeof process.report> & { excludeEnv?: boolean };

/**
 * Diagnostic reports are files of mode 0644 with the whole environment. Where Node can leave that out (`excludeEnv`) they
 * are written without it; elsewhere they aren't written on errors. On a signal, which every process of this uid may send,
 * never.
 *
 * Node: nodejs.org/api/report.html
 */
export const reports: Channel = {
  name: 'reports',
  close() {
    const report: Report | undefined = process.report;
    if (report === undefined) return closed('nothing');
    const before = {
      reportOnSignal: report.reportOnSignal,
      reportOnFatalError: report.reportOnFatalError,
      reportOnUncaughtException: report.reportOnUncaughtException,
      ...('excludeEnv' in report && { excludeEnv: report.excludeEnv }),
    };
    report.reportOnSignal = false;
    if ('excludeEnv' in report) report.excludeEnv = true;
    else Object.assign(report, { reportOnFatalError: false, reportOnUncaughtException: false });
    return closed(
      () => void Object.assign(report, before),
      [
        'excludeEnv' in report
          ? 'diagnostic reports are without the environment, and not written on a signal'
          : 'no diagnostic report is written on a signal or an error',
      ],
    );
  },
};
