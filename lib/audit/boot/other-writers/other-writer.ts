/** The kind of a writer beside the loader. */
export type OtherWriterKind =
  | 'initrd'
  | 'boot-sysctl'
  | 'tmpfiles'
  | 'unit'
  | 'init-script'
  | 'udev'
  | 'tuned'
  | 'cron'
  | 'cloud-init'
  | 'extension'
  | 'network-script';

/** A line that writes the value at boot or later, and that is no part of the loader's configuration. */
export interface OtherWriter {
  kind: OtherWriterKind;
  /** `any-time`: before or after the loader, or again and again. */
  when: 'before-loader' | 'after-loader' | 'any-time';
  file: string;
  /** Null: the whole file. */
  line: number | null;
  text: string;
  /** The text that it writes; null if the audit can't tell. */
  value: string | null;
}

/** A line of a file that writes the key. */
export type WritingLine = Pick<OtherWriter, 'file' | 'line' | 'text' | 'value'>;
