// A kernel that does nothing: what is left of its time is the launch.

extern "C" __global__ void empty() {}
