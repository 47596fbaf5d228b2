// c10d's header names this file; nothing in it is needed to call ProcessGroupGloo.
#pragma once
