#pragma once

#include <napi.h>

namespace tracegate {

// A source of access events for lib/kernel/access-events.ts. Arguments: the only target, or 0; a function that is called when
// there are events; and of BpfEventsCall(), whether accesses for reading are reported. Returns { take, unref, close } or -errno.
//
// take() returns { rows, names }, or -errno after the source's end. `rows` has a number in each column for each event, and
// `names` the tracer's and the target's name. The caller calls close() at the end: until then the source keeps the process
// alive, unless unref() was called.
Napi::Value BpfEventsCall(const Napi::CallbackInfo& info);
Napi::Value ConnectorEventsCall(const Napi::CallbackInfo& info);

// Returns the names of the columns, in their order.
Napi::Value AccessEventColumnsCall(const Napi::CallbackInfo& info);

}  // namespace tracegate
