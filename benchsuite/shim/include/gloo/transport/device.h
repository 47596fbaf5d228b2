// Devices are made by ProcessGroupGloo and held behind shared pointers: a name is enough.
#pragma once

namespace gloo {
namespace transport {
class Device;
}
} // namespace gloo
