// The textfile of `tracegate watch --metrics`, held to promtool.
import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { WatchMetrics } from '../../lib/watch/metrics.js';
import type { Pair, ScopeVerdict } from '../../lib/watch/recording.js';

const at = (verdict: ScopeVerdict['verdict']): ScopeVerdict => ({
  verdict,
  rule: null,
  because: '',
  remedies: [],
  unknown: [],
});

it('counts by way and outcome, and of the allowed ones what each scope would refuse; promtool accepts it', () => {
  const metrics = new WatchMetrics('bpf');
  const scopes = [at('allowed'), at('unknown'), at('refused'), at('refused')];
  const pair = { way: 'attach', scopes } as unknown as Pair;
  const task = { pid: 1, tid: 1, startTime: 1 };
  const time = new Date(0).toISOString();
  const access = { event: 'access', time, pair, error: null, tracer: task, target: task } as const;
  metrics.count({ ...access, outcome: 'allowed' });
  metrics.count({ ...access, outcome: 'allowed' });
  metrics.count({ ...access, outcome: 'refused' });
  metrics.count({ event: 'gap', time, lost: 7, because: '' });
  metrics.count({ event: 'gap', time, lost: null, because: '' });
  const text = metrics.text(true);
  const samples = text.split('\n').filter(line => line !== '' && !line.startsWith('#') && !/ 0$/.test(line));
  expect(samples.filter(line => !line.includes('timestamp'))).toEqual([
    'tracegate_watch_running{source="bpf"} 1',
    'tracegate_watch_accesses_total{way="attach",outcome="allowed"} 2',
    'tracegate_watch_accesses_total{way="attach",outcome="refused"} 1',
    'tracegate_watch_would_be_refused_total{scope="1",verdict="unknown"} 2',
    'tracegate_watch_would_be_refused_total{scope="2",verdict="refused"} 2',
    'tracegate_watch_would_be_refused_total{scope="3",verdict="refused"} 2',
    'tracegate_watch_lost_events_total 8',
  ]);
  const run = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect([run.status, run.stdout, run.stderr]).toEqual([0, '', '']);
  expect(metrics.text(false)).toContain('tracegate_watch_running{source="bpf"} 0\n');
});
